import { claimRun } from '../run/calls/claim-run.js';
import { openRun } from '../run/calls/open-run.js';
import { isCovering } from '../run/changes/join-run.js';
import type { RunContext } from '../run/context/run-context.js';
import { startOf } from '../run/record/holds.js';
import type { Run } from '../run/record/run-record.js';
import { isWorkable } from '../run/record/run-state.js';
import type { PlannedRequest } from './backfill-request.js';

/** The run that a request has started or joined. */
export interface RequestedRun {
  readonly run: Run;
  readonly created: boolean;
  /** Whether it covers every instance that exists now. */
  readonly covered: boolean;
}

/**
 * Stores a run for a request, or joins the active run of an equal request, and enqueues its first job. The record is
 * stored first, so that nothing is lost when the queue is down. `null`: there is nothing to run.
 */
export async function requestRun(context: RunContext, plan: PlannedRequest): Promise<RequestedRun | null> {
  const { runtime } = context;
  const { transaction } = plan;
  const claimed = await claimRun(context, { ...plan, hasQueue: true, joins: true });
  if (claimed === null) return null;
  const { run, created } = claimed;
  if (claimed.isCalledFor) await enqueueFirst(run);
  for (const runId of claimed.joinedBefore) await enqueueFirst(await openRun(context, runId).load());
  return { run, created, covered: created || isCovering(run) };

  async function enqueueFirst({ header, shards }: Run): Promise<void> {
    const [first] = shards;
    if (first === undefined || first.done || !isWorkable(header.state)) return;
    const handle = openRun(context, header.runId, { transaction });
    await handle.enqueue(
      { shard: 0, step: first.allottedStep },
      { startAfter: startOf(first, runtime.now()) },
    );
  }
}
