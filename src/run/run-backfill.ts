import { resumeWithOwners } from './calls/change-with-owners.js';
import { storeNewRun } from './calls/claim-run.js';
import type { ShardJob } from './calls/enqueue-job.js';
import { openRun } from './calls/open-run.js';
import { takeUp } from './changes/resume-run.js';
import { createRunContext } from './context/create-run-context.js';
import type { RunContext } from './context/run-context.js';
import { performJob } from './job/perform-job.js';
import { performSideBySide } from './job/perform-side-by-side.js';
import { type BackfillOptions, parseBackfillOptions } from './options/backfill-options.js';
import { definitionOf } from './options/definition-options.js';
import type { BackfillReport } from './record/report.js';
import { NOBODY, openShards, type Run, type RunDefinition, type RunShard } from './record/run-record.js';
import { isWorkable } from './record/run-state.js';

/**
 * Extracts the values at `paths` from every instance that a process model has now, and stores them as its metadata, batch by
 * batch. Or goes on with the stored run `runId`. After an error, go on with `runId`: what was committed stays and is not done twice.
 *
 * With a `queue`, this call performs the first job itself, and the queue gets the others. If the process dies, a sweep enqueues
 * the lost jobs again. A job that is aborted or has used up its slice enqueues its continuation and reports `continued`.
 *
 * Without a queue, up to 8 shards are worked on side by side. No sweep or job of a queue works on such a run, until a call
 * with a queue takes it up.
 *
 * @throws {InvalidInputError} or {@link InvalidExtractionPathsError}, before any I/O.
 * @throws {RunError} when `runId` is not stored, when its state forbids the call, or when its records are damaged or were
 *   stored by an incompatible version.
 * @throws {PortError} when the repository or the queue fails, and trying again has not helped or is pointless. Its message
 *   says how to go on.
 * @throws {RepositoryContractError} when the repository gives an answer that cannot be right. Nothing of it is committed.
 * @throws `signal.reason` when aborted before the first job begins; without a queue, when aborted at any time. To go on, pass the
 *   `runId` that `onProgress` got. When the signal is aborted before the call, nothing is stored.
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
  const dryRun = input.runId === undefined && input.dryRun === true; // not for stored runs
  const context = createRunContext(input, { dryRun }); // a dry run gets no queue, and stores in memory
  const report =
    input.runId === undefined
      ? runDefinition(context, input.processModelId, definitionOf(input, context.repository))
      : goOn(context, input.runId);
  return (await report) as BackfillReport<Key>;
}

/**
 * Stores a new run and works on it. It is stored before any instance is read, so that a crash cannot lose it. So far it has one
 * shard. The job of that shard counts the instances, splits the run into more shards, and starts a job for each.
 */
export async function runDefinition(
  context: RunContext,
  processModelId: string,
  definition: RunDefinition,
): Promise<BackfillReport> {
  context.signal.throwIfAborted(); // before anything is stored
  return perform(context, [jobOfFirstShard(await storeNewRun(context, processModelId, definition))]);
}

async function goOn(context: RunContext, runId: string): Promise<BackfillReport> {
  context.signal.throwIfAborted();
  return perform(context, await takeUpRun(context, runId));
}

function perform(context: RunContext, jobs: Jobs): Promise<BackfillReport> {
  return context.queue === null
    ? performSideBySide(context, jobs)
    : performFirstAndEnqueueOthers(context, jobs);
}

/** One job per open shard. At least one, even if nothing is left to do. */
type Jobs = readonly [ShardJob, ...ShardJob[]];

/**
 * Stores that this call goes on with a run, perhaps now with a queue: a failed run is resumed, and each open shard gets a new
 * step, the number of its next job. An older job that is still under way finds its step outdated, and ends. Keys that newer
 * runs own by now are left to those. A run that is paused or has ended stays as it is.
 */
async function takeUpRun(context: RunContext, runId: string): Promise<Jobs> {
  const { runtime, queue } = context;
  const { run } = await resumeWithOwners(context, openRun(context, runId), NOBODY, (stored, ownedKeys) =>
    takeUp(stored, ownedKeys, { now: runtime.now(), hasQueue: queue !== null, requester: NOBODY }),
  );
  const open = isWorkable(run.header.state) ? openShards(run.shards) : [];
  const [first, ...others] = open.map((shard) => jobOf(run, shard));
  // If no shard is open, one job completes the run. If the run is paused or has ended, that job only reports.
  return [first ?? jobOfFirstShard(run), ...others];
}

function jobOf({ header: { runId } }: Run, { index, allottedStep }: RunShard): ShardJob {
  return { runId, shard: index, step: allottedStep };
}

/** Every run is stored with its first shard. */
function jobOfFirstShard(run: Run): ShardJob {
  return jobOf(run, run.shards[0] as RunShard);
}

/** Enqueues the other jobs before it performs its own, so that workers can begin with them. */
async function performFirstAndEnqueueOthers(
  context: RunContext,
  [first, ...others]: Jobs,
): Promise<BackfillReport> {
  const handle = openRun(context, first.runId);
  for (const job of others) await handle.enqueue(job);
  return performJob(context, first);
}
