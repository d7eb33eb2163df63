import type { RunHandle } from '../calls/open-run.js';
import type { RunContext } from '../context/run-context.js';
import { elapsedMs, type ReportState } from '../record/report.js';
import { allot, complete, extend } from '../record/run-changes.js';
import { isAllDone, type Run, type RunShard, tallyOf } from '../record/run-record.js';
import { isComplete, isWorkable } from '../record/run-state.js';
import { warningsOf } from '../record/warnings.js';
import type { ShardSession } from './shard-session.js';
import { surveyInstances } from './survey-instances.js';

/** The run at the end of a job, and the state that the job reports. */
export interface Conclusion {
  readonly run: Run;
  readonly state: ReportState;
}

/** What the end of a job leaves to do: complete the run, or make sure that a continuation exists. */
export async function concludeJob(
  context: RunContext,
  handle: RunHandle,
  { job, run, ending, allottedStep }: ShardSession,
): Promise<Conclusion> {
  switch (ending) {
    case 'shard-done':
      return completeRun(context, handle);
    case 'hand-over':
      return handOver(context, handle, job.shard, allottedStep);
    case 'rescue':
      return handOver(context, handle, job.shard, job.step + 1);
    case 'superseded':
      return conclusion(run, 'superseded');
    default:
      return conclusion(run, 'continued');
  }
}

/**
 * Completes a run whose shards are all done, unless it goes on to instances that came since. Every job that finishes a
 * shard tries this after its commit. Inside the commit, two finishing jobs would not see each other.
 */
export async function completeRun(context: RunContext, handle: RunHandle): Promise<Conclusion> {
  const { runtime, log, dryRun } = context;
  for (;;) {
    const { run, changed } = await handle.change((stored) => complete(stored, runtime.now()));
    if (changed && isComplete(run.header.state)) {
      const { processed, updated, failed } = tallyOf(run);
      const took = { elapsedMs: elapsedMs(run.header, runtime.now()), warnings: warningsOf(run), dryRun };
      log.completed(run.header, { processed, updated, failed, ...took });
    }
    const goesOn = run.header.state === 'running' && run.header.walkAgain && isAllDone(run);
    if (!goesOn) return conclusion(run, 'continued');
    const extended = await extendRun(context, handle, run);
    if (extended !== null) return conclusion(extended, 'continued');
  }
}

/** `null` when nothing has come since. */
async function extendRun(context: RunContext, handle: RunHandle, { header }: Run): Promise<Run | null> {
  const { processModelId, upTo, definition } = header;
  const query = { processModelId, instanceIds: definition.instanceIds, after: upTo, limit: null };
  const survey = await surveyInstances(context, handle.calls, query);
  const { run, changed } = await handle.change((stored) => extend(stored, survey, context.runtime.now()));
  const open = run.shards.find(({ done }) => !done);
  if (open === undefined) return null;
  if (changed) await handle.enqueue({ shard: open.index, step: open.allottedStep });
  return run;
}

/** Allots the step of the continuation before that is enqueued. So a lost job is noticed, and a doubled job does no harm. */
async function handOver(
  context: RunContext,
  handle: RunHandle,
  shard: number,
  step: number,
): Promise<Conclusion> {
  const { queue, runtime } = context;
  if (queue === null) return conclusion(await handle.load(), 'continued');
  const { run, changed } = await handle.change((stored) => allot(stored, shard, step));
  const now = run.shards[shard];
  // Finished meanwhile, perhaps by a commit of this very job that it had taken for lost.
  if (now?.done === true) return completeRun(context, handle);
  // Not if the run was stopped before the step could be allotted: the resume allots that step.
  if (changed && now !== undefined && now.allottedStep > step)
    await handle.enqueue({ shard, step: step + 1 }, { startAfter: startOf(now, runtime.now()) });
  return conclusion(run, 'continued');
}

/** Until when a shard is held, if that is still to come. */
export function startOf({ heldUntil }: RunShard, now: number): Date | undefined {
  return heldUntil !== null && heldUntil > now ? new Date(heldUntil) : undefined;
}

/** The state of the run if it has stopped, else the given one. */
function conclusion(run: Run, otherwise: ReportState): Conclusion {
  const { state } = run.header;
  return { run, state: isWorkable(state) ? otherwise : state };
}
