import { RunError } from '../errors.js';
import type { InstanceId } from '../ports/repository.js';
import { openRun, type RunHandle } from '../run/calls/open-run.js';
import { BEGINNING, type ListPlace, type ReadList, readListed } from '../run/calls/read-listed.js';
import type { RunContext } from '../run/context/run-context.js';
import { outdatedKeys } from '../run/record/claim-keys.js';
import type { OwnedKey } from '../run/record/owner-record.js';
import { type Requester, type Run, type RunDefinition, tallyOf } from '../run/record/run-record.js';
import { isActive } from '../run/record/run-state.js';
import { answerRequest, type SkippedRequest, type TriggeredRequest } from './answer-request.js';

/**
 * `left`: more instances have failed than one retry takes, or records of failures were deleted. Request the same keys for the
 * whole model.
 */
export type RetryResult = (
  | TriggeredRequest
  | SkippedRequest<'Metadata backfill feature is disabled' | 'No failures are stored' | typeof NO_KEY_LEFT>
) & { readonly left: boolean };

/** Why a retry requests nothing: no key of the run is left to it. */
export const NO_KEY_LEFT =
  'All keys of the run were removed, read from another path or requested again since';

const MOST_INSTANCES = 10_000;

/**
 * Requests the keys of a run again, for its failed instances. Leaves out the keys that were removed, read from another path
 * or, after that, requested again since.
 */
export async function retryFailed(
  context: RunContext,
  runId: string,
  { enabled, requester }: { readonly enabled: boolean; readonly requester: Requester },
): Promise<RetryResult> {
  const handle = openRun(context, runId);
  const run = await handle.load();
  const { processModelId, state, definition } = run.header;
  if (isActive(state)) throw stillActive(run);
  const { ids, left } = await failedInstances(context, handle, run);
  if (ids.length === 0) return { status: 'skipped', reason: 'No failures are stored', diff: null, left };
  const definitionFor = (_: unknown, owned: readonly OwnedKey[]): RunDefinition | null => {
    const paths = stillOwned(run, owned);
    return paths.length === 0 ? null : { ...definition, paths, limit: null, instanceIds: ids, shards: 1 };
  };
  const formerPaths = new Map(
    definition.paths.map(({ key }, index) => [key, run.header.claims[index]?.formerPaths ?? []]),
  );
  const plan = { processModelId, updates: [], definitionFor, requester, formerPaths, diff: null };
  return { ...(await answerRequest(context, plan, { enabled, nothing: NO_KEY_LEFT })), left };
}

function stillActive({ header: { runId, state } }: Run): RunError {
  const message = `Run ${runId} is ${state}: its failed instances can be retried once it has ended.${state === 'paused' ? ' Resume or cancel it first.' : ''}`;
  return new RunError('RUN_STATE', runId, message);
}

function stillOwned({ header }: Run, owned: readonly OwnedKey[]): RunDefinition['paths'] {
  const lost = [...header.droppedKeys, ...outdatedKeys(header, owned)].map(({ key }) => key);
  return header.definition.paths.filter(({ key }) => !lost.includes(key));
}

/** The list may have fewer than have failed, because somebody may delete its records. */
async function failedInstances(
  context: RunContext,
  handle: RunHandle,
  run: Run,
): Promise<{ readonly ids: readonly InstanceId[]; readonly left: boolean }> {
  const listed = new Set<InstanceId>();
  for (let from: ListPlace | null = BEGINNING; from !== null && listed.size < MOST_INSTANCES; ) {
    const { items, next }: ReadList<'failures'> = await readListed('failures', context, handle, run, {
      from,
      limit: 1_000,
    });
    for (const { instanceId } of items) listed.add(instanceId);
    from = next;
  }
  const ids = [...listed].slice(0, MOST_INSTANCES);
  return { ids, left: ids.length < tallyOf(run).failed };
}
