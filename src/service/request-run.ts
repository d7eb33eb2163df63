import { openRun } from '../run/calls/open-run.js';
import type { RunContext } from '../run/context/run-context.js';
import { startOf } from '../run/job/conclude-job.js';
import { dropKeys, isCovering, join } from '../run/record/run-changes.js';
import { fingerprint, newRun } from '../run/record/run-definition.js';
import type { Run, RunDefinition, RunHeader } from '../run/record/run-record.js';
import { isActive, isWorkable } from '../run/record/run-state.js';
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
): Promise<{ readonly run: Run; readonly created: boolean; readonly covered: boolean }> {
  const { runtime } = context;
  const activeKey = fingerprint(processModelId, definition);
  const wanted = newRun(processModelId, definition, { runtime, hasQueue: true, activeKey, startAfter });
  await takeOverKeys(context, wanted.header, transaction);
  const { run, created, isCalledFor } = await storeOrJoin(context, wanted, { startAfter, transaction });
  const { header, shards } = run;
  const [first] = shards;
  if (first !== undefined && !first.done && isWorkable(header.state) && isCalledFor) {
    const job = { shard: 0, step: first.allottedStep };
    const handle = openRun(context, header.runId, { transaction });
    await handle.enqueue(job, { startAfter: startOf(first, runtime.now()) });
  }
  return { run, created, covered: created || isCovering(run) };
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
  { startAfter, transaction }: Pick<PlannedRequest, 'startAfter' | 'transaction'>,
): Promise<{ readonly run: Run; readonly created: boolean; readonly isCalledFor: boolean }> {
  const { runId, activeKey } = wanted.header;
  const handle = openRun(context, runId, { transaction });
  // More than one round only when the run that held the active key has ended in the meantime.
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    if (await handle.create(wanted)) return { run: wanted, created: true, isCalledFor: true };
    const [active] = await findRuns(context, { activeKey, active: true, limit: 1 }, transaction);
    if (active === undefined) continue;
    let hasAllotted = false; // in whichever try: an earlier one may have landed, and the run may have begun since
    const { run } = await openRun(context, active.runId, { transaction }).change((stored) => {
      if (stored.header.activeKey !== activeKey) return null; // it has lost a key since
      const change = join(stored, startAfter?.getTime() ?? null, context.runtime.now());
      hasAllotted ||= change?.shards !== undefined && change.shards.length > 0;
      return change;
    });
    const { header } = run;
    // It may have ended since it was found, or given its active key up.
    if (isActive(header.state) && header.activeKey === activeKey)
      return { run, created: false, isCalledFor: header.state === 'pending' || hasAllotted };
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
