import { setMaxListeners } from 'node:events';
import pLimit from 'p-limit';
import { claimRun } from './calls/claim-run.js';
import type { ShardJob } from './calls/enqueue-job.js';
import { openRun } from './calls/open-run.js';
import { resumeStored } from './calls/resume-stored.js';
import { takeUp } from './changes/resume-run.js';
import { createRunContext } from './context/create-run-context.js';
import { linkedAbort } from './context/linked-abort.js';
import type { RunContext } from './context/run-context.js';
import type { JobCompany } from './job/freeze-run.js';
import { performJob, sliceEndOf } from './job/perform-job.js';
import {
  type BackfillOptions,
  type NewRunOptions,
  parseBackfillOptions,
} from './options/backfill-options.js';
import { definitionOf } from './options/definition-options.js';
import { watchProgress } from './record/progress.js';
import type { BackfillReport } from './record/report.js';
import { openShards } from './record/run-record.js';
import { isWorkable } from './record/run-state.js';

/**
 * Fills the metadata at `paths` into every instance that a process model has now, batch by batch, or goes on with the
 * stored run `runId`. After an error, go on with `runId`: what was committed stays and is not done twice.
 *
 * With a `queue`, a job that is aborted or has used up its slice enqueues its continuation and reports `continued`.
 * Further shards are jobs of their own. Without a queue, up to 8 shards are worked on side by side. No sweep or job of a
 * queue works on a run that was begun without one.
 *
 * @throws {InvalidInputError} or {@link InvalidExtractionPathsError}, before any I/O.
 * @throws {RunError} when `runId` is not stored, when its state forbids the call, or when its records are damaged or were
 *   stored by an incompatible version.
 * @throws {PortError} when the repository or the queue fails, and retries do not or would not help. Its
 *   message says how to go on.
 * @throws {RepositoryContractError} when the repository gives an answer that cannot be right. Nothing of it is committed.
 * @throws `signal.reason` when aborted without a queue. To go on, pass the `runId` that `onProgress` got. When the signal
 *   is aborted already, nothing is stored.
 * @example
 * const report = await runBackfill({
 *   repository,
 *   processModelId: 'test_group/invoice_process',
 *   paths: [{ key: 'invoice_number', path: 'invoice.number' }],
 * });
 * report.state; // 'completed'
 */
export async function runBackfill<const Key extends string = string>(
  options: BackfillOptions<Key>,
): Promise<BackfillReport<Key>> {
  const input = parseBackfillOptions(options);
  const dryRun = input.runId === undefined && input.dryRun === true;
  const context = createRunContext(input, { dryRun }); // in a dry run without a queue, and storing in memory only
  context.signal.throwIfAborted(); // before anything is stored
  const jobs =
    input.runId === undefined ? await startRun(context, input) : await takeUpRun(context, input.runId);
  const perform = context.queue === null ? performSideBySide : performFirst;
  return (await perform(context, jobs)) as BackfillReport<Key>;
}

/** A job for each shard to work on. At least one, which may find out that nothing is left. */
type Jobs = readonly [ShardJob, ...ShardJob[]];

/** Stores a new run before anything else, so that it cannot be lost. Its first job makes the shards. */
async function startRun(context: RunContext, input: NewRunOptions): Promise<Jobs> {
  const definition = definitionOf(input, context.repository);
  const { processModelId } = input;
  const hasQueue = context.queue !== null;
  const request = { processModelId, updates: [], definitionFor: () => definition, hasQueue, joins: false };
  const claimed = await claimRun(context, request);
  if (claimed === null) throw new RangeError('there was nothing to run'); // only a model update may have nothing
  return [{ runId: claimed.run.header.runId, shard: 0, step: 0 }];
}

/**
 * Takes up a stored run, under steps of its own. A failed run is resumed. Of a paused run, or one that has ended, the only job
 * just reports.
 */
async function takeUpRun(context: RunContext, runId: string): Promise<Jobs> {
  const { runtime, queue } = context;
  const { run } = await resumeStored(context, openRun(context, runId), (stored, keys) =>
    takeUp(stored, keys, { now: runtime.now(), hasQueue: queue !== null }),
  );
  const open = isWorkable(run.header.state) ? openShards(run.shards) : [];
  const [first, ...others] = open.map(({ index, allottedStep }) => ({
    runId,
    shard: index,
    step: allottedStep,
  }));
  // Where no shard is open, one job finds out why. If the run was still to be completed, it does that.
  return [first ?? { runId, shard: 0, step: run.shards[0]?.allottedStep ?? 0 }, ...others];
}

/** The other shards get jobs in the queue. */
async function performFirst(context: RunContext, [first, ...others]: Jobs): Promise<BackfillReport> {
  const handle = openRun(context, first.runId);
  for (const job of others) await handle.enqueue(job);
  return performJob(context, first);
}

/** Each of them uses one or two connections. */
const MOST_SIDE_BY_SIDE = 8;

/** All jobs share one slice. The first error stops all of them. What they have committed stays. */
async function performSideBySide(context: RunContext, jobs: Jobs): Promise<BackfillReport> {
  const stopping = linkedAbort(context.signal);
  setMaxListeners(0, stopping.signal); // each shard adds some
  const limit = pLimit(MOST_SIDE_BY_SIDE);
  const watch = watchProgress(jobs[0].runId, context);
  const errors: unknown[] = [];
  const underWay: Promise<BackfillReport | null>[] = [];
  const company: JobCompany = { watch, sliceEnd: sliceEndOf(context), start };
  function start(added: readonly ShardJob[]): void {
    for (const job of added) {
      const report = limit(() => performJob({ ...context, signal: stopping.signal }, job, company));
      const stopAll = (error: unknown) => {
        errors.push(error);
        stopping.abort(error);
        return null;
      };
      underWay.push(report.catch(stopAll));
    }
  }
  start(jobs);
  const reports: (BackfillReport | null)[] = [];
  for (const report of underWay) reports.push(await report); // a job that is under way may start others
  stopping.unlink();
  if (errors.length > 0) throw errors[0];
  return summary(reports.filter((report) => report !== null));
}

/** The report that says the most about the run: an end, else the latest one of a job that has left work to do. */
function summary(reports: readonly BackfillReport[]): BackfillReport {
  const report =
    reports.find(({ state }) => state !== 'continued' && state !== 'superseded') ??
    reports.filter(({ state }) => state === 'continued').toSorted((a, b) => visitedIn(b) - visitedIn(a))[0] ??
    reports[0];
  if (report === undefined) throw new RangeError('there was no job to perform');
  return report;
}

function visitedIn({ processed, failed, gone }: BackfillReport): number {
  return processed + failed + gone;
}
