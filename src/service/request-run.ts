import { changeRun, createRun } from '../run/access/run-store.js';
import { dropKeys, markAgain } from '../run/record/run-changes.js';
import { fingerprint, newRun } from '../run/record/run-definition.js';
import type { Run, RunDefinition, RunHeader } from '../run/record/run-record.js';
import { isActive } from '../run/record/run-state.js';
import type { PlannedRequest } from './backfill-request.js';
import { readableHeaders, type ServiceTools } from './service-tools.js';

/**
 * Stores a run for a request, or joins the active one of an equal request, and enqueues its first job. The record is
 * there first, so that a queue that is down loses nothing.
 */
export async function requestRun(
  tools: ServiceTools,
  definition: RunDefinition,
  { processModelId, startAfter, transaction }: PlannedRequest,
): Promise<{ readonly runId: string; readonly created: boolean }> {
  const { runtime } = tools.worker;
  const claim = fingerprint(processModelId, definition);
  const wanted = newRun(processModelId, definition, { runtime, claim, startAfter });
  await takeOverKeys(tools, wanted.header, transaction);
  const { run, created } = await storeOrJoin(tools, wanted, transaction);
  const { runId, state } = run.header;
  if (state === 'pending') {
    const step = run.shards[0]?.step ?? 0;
    await tools.enqueue({ runId, shard: 0, step }, { startAfter, transaction });
  }
  return { runId, created };
}

/** Active runs that read a key of this one from another path leave that key to it, before it is there. */
async function takeOverKeys(tools: ServiceTools, wanted: RunHeader, transaction: unknown): Promise<void> {
  const { repository, runtime } = tools.worker;
  for await (const record of tools.activeRecords(wanted.processModelId, transaction)) {
    const [active] = readableHeaders([record]);
    if (active === undefined) continue;
    const keys = contestedKeys(wanted.definition, active.definition);
    if (keys.size === 0) continue;
    const drop = (run: Run) => dropKeys(run, keys, runtime.now());
    await changeRun(repository, tools.portsFor(active.runId), active.runId, drop, transaction);
  }
}

async function storeOrJoin(
  tools: ServiceTools,
  wanted: Run,
  transaction: unknown,
): Promise<{ readonly run: Run; readonly created: boolean }> {
  const { repository } = tools.worker;
  const { runId, claim } = wanted.header;
  const ports = tools.portsFor(runId);
  // More than one round only when the run that held the claim has ended in the meantime.
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    if (await createRun(repository, ports, wanted, transaction)) return { run: wanted, created: true };
    const [active] = await tools.findRuns({ activeKey: claim, active: true, limit: 1 }, transaction);
    if (active === undefined) continue;
    const change = await changeRun(
      repository,
      tools.portsFor(active.runId),
      active.runId,
      markAgain,
      transaction,
    );
    const { header } = change.run;
    // It may have ended since it was found, or left its claim to another.
    if (isActive(header.state) && header.claim === claim) return { run: change.run, created: false };
  }
  throw ports.contractError(`commit refuses a new run, but findRuns shows none with its activeKey ${claim}.`);
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
