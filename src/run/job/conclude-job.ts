import { RunError } from '../../errors.js';
import { changeWithOwners } from '../calls/change-with-owners.js';
import type { ShardJob } from '../calls/enqueue-job.js';
import type { RunHandle } from '../calls/open-run.js';
import { allot } from '../changes/allot-step.js';
import { complete, completeVerification } from '../changes/complete-run.js';
import { handBack } from '../changes/hold-shard.js';
import type { RunContext } from '../context/run-context.js';
import { isVerification } from '../record/certify-keys.js';
import { isHeld, startOf } from '../record/holds.js';
import type { ReportState } from '../record/report.js';
import type { Run } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';
import type { JobsBeside } from './jobs-beside.js';
import type { ShardSession } from './shard-session.js';

/** The run at the end of a job, and the state that the job reports. */
export interface Conclusion {
  readonly run: Run;
  readonly state: ReportState;
}

/**
 * What the end of a job leaves to do: complete the run, or make sure that a continuation exists. `null`: the job has work
 * after all.
 */
export async function concludeJob(
  context: RunContext,
  handle: RunHandle,
  { job, run, ending, allottedStep }: ShardSession,
  beside: JobsBeside | null,
): Promise<Conclusion | null> {
  // This job must come again: after a freeze, a runner may drop the new job of the shard, whose key may be the same.
  if (ending === 'not-stored' && beside === null) throw shardNotFound(job);
  switch (ending) {
    case 'shard-done':
      return endShard(context, handle, { run, job, beside });
    case 'hand-over':
      return handOver(context, handle, { job, step: allottedStep, beside });
    case 'rescue':
      return handOver(context, handle, { job, step: job.step + 1, beside });
    case 'early':
      return sendBack(context, handle, job);
    case 'superseded':
    case 'not-stored':
      return conclusion(run, 'superseded');
    default:
      return conclusion(run, 'continued');
  }
}

function shardNotFound({ runId, shard }: ShardJob): RunError {
  const message = `Shard ${shard} of run ${runId} is not stored at present: the database has lost its last commits. Deliver the job again, in some seconds.`;
  return new RunError('RUN_NOT_FOUND', runId, message, { retryable: true });
}

/** `null`: this job has work again. The database has lost the end of the shard, or this job begins the next walk. */
async function endShard(
  context: RunContext,
  handle: RunHandle,
  { run, job, beside }: { readonly run: Run; readonly job: ShardJob; readonly beside: JobsBeside | null },
): Promise<Conclusion | null> {
  const completed = await completeRun(context, handle, run, beside);
  const { header, shards } = completed.run;
  const shard = shards[job.shard];
  if (!isWorkable(header.state) || shard === undefined || shard.done) return completed;
  // A runner may have dropped the job of the next walk as a duplicate of this one.
  return header.walk === run.header.walk || shard.allottedStep <= job.step ? null : completed;
}

/**
 * Completes a run whose shards are all done, or starts the first job of its next walk. Every job that finishes a shard
 * tries this after its commit. Inside the commit, two finishing jobs would not see each other.
 */
export async function completeRun(
  context: RunContext,
  handle: RunHandle,
  { header: { definition } }: Run,
  beside: JobsBeside | null = null,
): Promise<Conclusion> {
  const { runtime, log } = context;
  const { run, changed } = isVerification(definition)
    ? await changeWithOwners(context, handle, (stored, keys) =>
        completeVerification(stored, keys, runtime.now()),
      )
    : await handle.change((stored) => complete(stored, runtime.now()));
  const { header, shards } = run;
  if (changed && header.total === null) {
    log.walksAgain(header);
    const job = { runId: handle.runId, shard: 0, step: shards[0]?.allottedStep ?? 0 };
    if (beside !== null) beside.start([job]);
    else await handle.enqueue(job);
  }
  return conclusion(run, 'continued');
}

/** Allots the continuation's step before enqueuing it. So a lost job is noticed, and a doubled job does no harm. */
async function handOver(
  context: RunContext,
  handle: RunHandle,
  {
    job,
    step,
    beside,
  }: { readonly job: ShardJob; readonly step: number; readonly beside: JobsBeside | null },
): Promise<Conclusion | null> {
  const { queue, runtime } = context;
  const { shard } = job;
  if (queue === null) return conclusion(await handle.load(), 'continued');
  const { run, changed } = await handle.change((stored) => allot(stored, shard, step));
  const now = run.shards[shard];
  // Finished meanwhile, perhaps by a commit of this very job that it had taken for lost.
  if (now?.done === true) return endShard(context, handle, { run, job, beside });
  // Not if the run was stopped before the step could be allotted: the resume allots that step.
  if (changed && now !== undefined && now.allottedStep > step)
    await handle.enqueue({ shard, step: step + 1 }, { startAfter: startOf(now, runtime.now()) });
  return conclusion(run, 'continued');
}

/**
 * Sends an early job back to the queue. If the next one comes early as well, the rest is left to a sweep. `null`: the hold
 * is over by now, without a new job for the shard.
 */
async function sendBack(
  context: RunContext,
  handle: RunHandle,
  { shard, step }: ShardJob,
): Promise<Conclusion | null> {
  const { queue, runtime } = context;
  if (queue === null) return conclusion(await handle.load(), 'continued');
  const { run, changed } = await handle.change((stored) => handBack(stored, shard, step, runtime.now()));
  const now = run.shards[shard];
  if (changed && now !== undefined && now.handedBack > step)
    await handle.enqueue({ shard, step: now.handedBack }, { startAfter: startOf(now, runtime.now()) });
  else if (now !== undefined && !isHeld(now, runtime.now())) return null;
  return conclusion(run, 'continued');
}

/** The state of the run if it has stopped, else the given one. */
function conclusion(run: Run, otherwise: ReportState): Conclusion {
  const { state } = run.header;
  return { run, state: isWorkable(state) ? otherwise : state };
}
