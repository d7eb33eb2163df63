import { isBackfillError } from '../../errors.js';
import { lookForAllUnknown } from '../calls/announce-changes.js';
import type { ShardJob } from '../calls/enqueue-job.js';
import { openRun, type RunHandle } from '../calls/open-run.js';
import { readFirst } from '../calls/read-first.js';
import { reasonOf } from '../calls/reason-of.js';
import { markStarted } from '../changes/allot-step.js';
import { fail } from '../changes/stop-run.js';
import { beyondAbort, type RunContext } from '../context/run-context.js';
import { type BackfillReport, reportOf } from '../record/report.js';
import type { Run } from '../record/run-record.js';
import { type Conclusion, concludeJob } from './conclude-job.js';
import { freezeRun } from './freeze-run.js';
import type { JobsBeside } from './jobs-beside.js';
import { openSession, type ShardSession } from './shard-session.js';
import { waitWhileHeld } from './wait-for-turn.js';
import { walkShard } from './walk-shard.js';

/** One job: takes a shard from its stored checkpoint as far as slice, signal and other jobs let it, then hands over. */
export async function performJob(context: RunContext, job: ShardJob): Promise<BackfillReport> {
  await lookForAllUnknown(context);
  return reportOn(context, await workOnJob(context, job, null));
}

/** Also after an abort. */
export async function reportOn(context: RunContext, { run, state }: Conclusion): Promise<BackfillReport> {
  const { runtime, log } = context;
  const lasting = openRun(beyondAbort(context), run.header.runId);
  const failures = await readFirst('failures', context, lasting, run);
  for (const warning of failures.warnings) log.warned(run.header, warning);
  return reportOf(run, state, { failures, now: runtime.now() });
}

/** As {@link performJob}, without the report. */
export async function workOnJob(
  context: RunContext,
  job: ShardJob,
  beside: JobsBeside | null,
): Promise<Conclusion> {
  const sliceEnd = beside?.sliceEnd ?? sliceEndOf(context);
  for (let times = 1; ; times += 1) {
    const concluded = await workOn(context, job, { beside, sliceEnd });
    if (concluded !== null) return concluded;
    // The end of the shard was lost, or its hold is over: there is work again.
    if (times >= MOST_TIMES) throw openRun(context, job.runId).calls.contractError(LOST_ENDS);
  }
}

/** When a slice that begins now ends, in milliseconds since the epoch. */
export function sliceEndOf({ runtime, sliceMs }: RunContext): number {
  return sliceMs === null ? Number.POSITIVE_INFINITY : runtime.now() + sliceMs;
}

/** A database may lose the end of a shard in a crash. One that does so again and again does not store it. */
const MOST_TIMES = 20;

const LOST_ENDS = `loadRun showed a shard as not done ${MOST_TIMES} times in a row, right after commit had answered 'committed' for its end. commit must store what next returns, and loadRun must read from where commits go, not from a replica.`;

async function workOn(
  context: RunContext,
  job: ShardJob,
  { beside, sliceEnd }: { readonly beside: JobsBeside | null; readonly sliceEnd: number },
): Promise<Conclusion | null> {
  const handle = openRun(context, job.runId, { watch: beside?.watch });
  const run = await handle.load();
  let session = openSession(context, { job, handle, run, sliceEnd });
  // What the walk leaves behind is stored and enqueued even after an abort.
  const lasting = openRun(beyondAbort(context), job.runId, { watch: handle.watch });
  const endWith = (error: unknown): Promise<unknown> => recordFailure(context, lasting, session.run, error);
  try {
    for (;;) {
      await begin(context, session);
      if (session.ending === null) await freezeRun(context, session, { lasting, beside });
      await walkShard(context, session);
      if (session.ending !== 'other-walk') break;
      session = openSession(context, { job, handle, run: session.run, sliceEnd }); // nothing that it knew holds any more
    }
  } catch (error) {
    const { aborted, reason } = context.signal;
    // A fault counts during a shutdown, too: a queue that is down, say, leaves other shards without their jobs.
    const isShutdown = aborted && (error === reason || context.queue === null);
    if (!isShutdown) throw await endWith(error);
    if (error !== reason) context.log.failed(run.header, reasonOf(error));
    if (context.queue === null) throw reason;
    session.end('hand-over');
  } finally {
    context.log.jobEnded(run.header);
  }
  const concluded = await concludeJob(context, lasting, session, beside).catch(async (error: unknown) => {
    throw await endWith(error);
  });
  if (concluded !== null) lasting.watch.see(concluded.run);
  return concluded;
}

/** Waits for the end of a hold, and notes that the job has begun where that is not known. */
async function begin(context: RunContext, session: ShardSession): Promise<void> {
  if (session.ending === null) await waitWhileHeld(context, session);
  if (session.ending !== null) return;
  const { job, handle, shard } = session;
  if (shard.sweeps === 0 && shard.allottedStep >= job.step) return;
  const { run } = await handle.change((stored) => markStarted(stored, job.shard, job.step));
  session.adopt(run);
}

/** An error that is not retryable fails the run, if that can still be stored. `resume` continues the run. */
async function recordFailure(
  { runtime, log }: RunContext,
  lasting: RunHandle,
  { header }: Run,
  error: unknown,
): Promise<unknown> {
  log.failed(header, reasonOf(error));
  if (isBackfillError(error) && error.retryable) return error;
  try {
    await lasting.change((run) => fail(run, reasonOf(error), runtime.now()));
  } catch (second) {
    log.warned(header, `The run could not be marked as failed: ${reasonOf(second)}`);
  }
  return error;
}
