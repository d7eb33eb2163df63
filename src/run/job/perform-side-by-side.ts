import { setMaxListeners } from 'node:events';
import pLimit from 'p-limit';
import type { ShardJob } from '../calls/enqueue-job.js';
import { linkedAbort } from '../context/linked-abort.js';
import type { RunContext } from '../context/run-context.js';
import { watchProgress } from '../record/progress.js';
import type { BackfillReport } from '../record/report.js';
import { tallyOf } from '../record/run-record.js';
import { visited } from '../record/tally.js';
import type { Conclusion } from './conclude-job.js';
import type { JobsBeside } from './jobs-beside.js';
import { reportOn, sliceEndOf, workOnJob } from './perform-job.js';

/** Each of them uses one or two connections. */
const MOST_SIDE_BY_SIDE = 8;

/** All jobs share one slice. The first error stops all of them. What they have committed stays. */
export async function performSideBySide(
  context: RunContext,
  jobs: readonly [ShardJob, ...ShardJob[]],
): Promise<BackfillReport> {
  const stopping = linkedAbort(context.signal);
  setMaxListeners(0, stopping.signal); // each shard adds some
  const limit = pLimit(MOST_SIDE_BY_SIDE);
  const watch = watchProgress(jobs[0].runId, context);
  const errors: unknown[] = [];
  const underWay: Promise<Conclusion | null>[] = []; // `null`: its error is in `errors`
  // Jobs start more jobs through it: the first one those of the shards that it makes, the last one that of the next walk.
  const beside: JobsBeside = { watch, sliceEnd: sliceEndOf(context), start };
  function start(added: readonly ShardJob[]): void {
    for (const job of added) {
      const conclusion = limit(() => workOnJob({ ...context, signal: stopping.signal }, job, beside));
      const stopAll = (error: unknown) => {
        errors.push(error);
        stopping.abort(error);
        return null;
      };
      underWay.push(conclusion.catch(stopAll));
    }
  }
  start(jobs); // each calls it for others before it settles, so that `underWay` holds all
  const conclusions: (Conclusion | null)[] = [];
  for (const conclusion of underWay) conclusions.push(await conclusion); // it grows while jobs start others
  stopping.unlink();
  if (errors.length > 0) throw errors[0];
  return reportOn(context, summary(conclusions.filter((conclusion) => conclusion !== null)));
}

/**
 * All are of one run, each as its job saw it last. Returns the one of a stopped run, else the `continued` one that has counted
 * the most, else a `superseded` one. A shard that is done reports `continued` while others are open.
 */
function summary(conclusions: readonly Conclusion[]): Conclusion {
  const countOf = ({ run }: Conclusion): number => visited(tallyOf(run));
  const conclusion =
    conclusions.find(({ state }) => state !== 'continued' && state !== 'superseded') ??
    conclusions.filter(({ state }) => state === 'continued').toSorted((a, b) => countOf(b) - countOf(a))[0] ??
    conclusions[0];
  if (conclusion === undefined) throw new RangeError('there was no job to perform');
  return conclusion;
}
