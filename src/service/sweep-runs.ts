import { isBackfillError } from '../errors.js';
import { lookForAllUnknown } from '../run/calls/announce-changes.js';
import type { ShardJob } from '../run/calls/enqueue-job.js';
import { findActiveRuns } from '../run/calls/find-runs.js';
import { openRun } from '../run/calls/open-run.js';
import { reasonOf } from '../run/calls/reason-of.js';
import { sweep } from '../run/changes/sweep-run.js';
import type { RunContext } from '../run/context/run-context.js';
import { completeRun } from '../run/job/conclude-job.js';
import { headerFrom, isAllDone, type RunShard } from '../run/record/run-record.js';
import { isComplete, isWorkable } from '../run/record/run-state.js';

/** What a sweep did. */
export interface SweepReport {
  /** How many active runs it looked at. */
  readonly active: number;
  /** The jobs that it enqueued for shards that showed no progress. */
  readonly enqueued: readonly ShardJob[];
  /** Runs whose shards were all done, but which nobody had completed. */
  readonly completed: readonly string[];
  /** Runs that it gave up, because job after job brought no progress. `resume` makes them go on. */
  readonly failed: readonly string[];
}

interface SweepNotes extends SweepReport {
  readonly enqueued: ShardJob[];
  readonly completed: string[];
  readonly failed: string[];
}

/** Looks at every active run. An error in one run does not keep it from the others. */
export async function sweepRuns(context: RunContext, staleAfterMs: number): Promise<SweepReport> {
  const notes = { active: 0, enqueued: [], completed: [], failed: [] };
  const errors: unknown[] = [];
  await lookForAllUnknown(context);
  for await (const record of findActiveRuns(context, null)) {
    notes.active += 1;
    try {
      const { state, hasQueue } = headerFrom(record);
      if (isWorkable(state) && hasQueue) await sweepRun(context, record.runId, staleAfterMs, notes);
    } catch (error) {
      context.log.warned(record, `Sweep failed: ${reasonOf(error)}`);
      const isOfNewerVersion = isBackfillError(error, 'RUN_FORMAT') && error.retryable; // which sweeps it as well
      if (!isOfNewerVersion) errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
  return notes;
}

async function sweepRun(
  context: RunContext,
  runId: string,
  staleAfterMs: number,
  notes: SweepNotes,
): Promise<void> {
  const { runtime, log } = context;
  const handle = openRun(context, runId);
  // Kept from try to try: an earlier one may have landed, whose answer was lost.
  const swept: RunShard[] = [];
  const { run, changed } = await handle.change((stored) => {
    const change = sweep(stored, staleAfterMs, runtime.now());
    swept.push(...(change?.shards ?? []));
    return change;
  });
  if (changed && run.header.state === 'failed') {
    log.failed(run.header, run.header.lastError ?? 'stalled');
    notes.failed.push(runId);
    return;
  }
  // A batch committed since then has reset the count of sweeps, but the job is still to be enqueued.
  const isOwn = ({ index, allottedStep, sweeps, sweptAt }: RunShard): boolean =>
    swept.some(
      (shard) =>
        shard.index === index &&
        shard.allottedStep === allottedStep &&
        (shard.sweptAt === sweptAt || sweeps === 0),
    );
  for (const { index, allottedStep } of changed ? run.shards.filter(isOwn) : []) {
    const job = { runId, shard: index, step: allottedStep };
    await handle.enqueue(job);
    log.warned(run.header, `No progress for a while: job ${job.step} of shard ${job.shard} was enqueued`);
    notes.enqueued.push(job);
  }
  const isUncompleted = isWorkable(run.header.state) && isAllDone(run);
  if (isUncompleted && isComplete((await completeRun(context, handle, run)).run.header.state)) {
    notes.completed.push(runId);
  }
}
