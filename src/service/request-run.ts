import { openRun } from '../run/calls/open-run.js';
import type { RunContext } from '../run/context/run-context.js';
import { dropKeys, isCovering, join } from '../run/record/run-changes.js';
import { fingerprint, newRun } from '../run/record/run-definition.js';
import type { Run, RunDefinition, RunHeader } from '../run/record/run-record.js';
import { isActive } from '../run/record/run-state.js';
import type { PlannedRequest } from './backfill-request.js';
import { findActiveRuns, findRuns, readableHeaders } from './find-runs.js';

/**
 * Stores a run for a request, or joins the active run of an equal request, and enqueues its first job. The record is
 * stored first, so that nothing is lost when the queue is down.
 */
export async function requestRun(
  context: RunContext,
  definition: RunDefinition,
  { processModelId, startAfter, transaction }: PlannedRequest,
): Promise<{ readonly runId: string; readonly created: boolean; readonly covered: boolean }> {
  const { runtime } = context;
  const activeKey = fingerprint(processModelId, definition);
  const wanted = newRun(processModelId, definition, { runtime, activeKey, startAfter });
  await takeOverKeys(context, wanted.header, transaction);
  const { run, created } = await storeOrJoin(context, wanted, transaction);
  const { runId, state } = run.header;
  const covered = created || isCovering(run);
  if (state === 'pending') {
    const step = run.shards[0]?.allottedStep ?? 0;
    await openRun(context, runId, { transaction }).enqueue({ shard: 0, step }, { startAfter });
  }
  return { runId, created, covered };
}

/** Before the new run is stored, each active run leaves it the keys that it reads from another path. */
async function takeOverKeys(context: RunContext, wanted: RunHeader, transaction: unknown): Promise<void> {
  for await (const record of findActiveRuns(context, wanted.processModelId, transaction)) {
    const [active] = readableHeaders(context, [record]);
    if (active === undefined) continue;
    const keys = contestedKeys(wanted.definition, active.definition);
    if (keys.size === 0) continue;
    const handle = openRun(context, active.runId, { transaction });
    const { run, changed } = await handle.change((stored) =>
      dropKeys(stored, keys, wanted.runId, context.runtime.now()),
    );
    if (changed) context.log.keysTaken(run.header);
  }
}

async function storeOrJoin(
  context: RunContext,
  wanted: Run,
  transaction: unknown,
): Promise<{ readonly run: Run; readonly created: boolean }> {
  const { runId, activeKey } = wanted.header;
  const handle = openRun(context, runId, { transaction });
  // More than one round only when the run that held the active key has ended in the meantime.
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    if (await handle.create(wanted)) return { run: wanted, created: true };
    const [active] = await findRuns(context, { activeKey, active: true, limit: 1 }, transaction);
    if (active === undefined) continue;
    const { run } = await openRun(context, active.runId, { transaction }).change(join);
    const { header } = run;
    // It may have ended since it was found, or given its active key up.
    if (isActive(header.state) && header.activeKey === activeKey) return { run, created: false };
  }
  throw handle.calls.contractError(
    `commit refuses a new run, but findRuns shows none with its activeKey ${activeKey}.`,
  );
}

const MOST_ROUNDS = 10;

function contestedKeys(wanted: RunDefinition, active: RunDefinition): ReadonlySet<string> {
  // A trial on a few instances must not take a key from a run over all of them.
  if (wanted.limit !== null || wanted.instanceIds !== null) return new Set();
  const paths = new Map(active.paths.map(({ key, segments }) => [key, JSON.stringify(segments)]));
  const contested = wanted.paths.filter(
    ({ key, segments }) => (paths.get(key) ?? JSON.stringify(segments)) !== JSON.stringify(segments),
  );
  return new Set(contested.map(({ key }) => key));
}
