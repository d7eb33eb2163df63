import { claimRun } from './calls/claim-run.js';
import type { ShardJob } from './calls/enqueue-job.js';
import { goOnWithRun } from './calls/go-on-with-run.js';
import { openRun } from './calls/open-run.js';
import { takeUp } from './changes/resume-run.js';
import { createRunContext } from './context/create-run-context.js';
import type { RunContext } from './context/run-context.js';
import { performJob } from './job/perform-job.js';
import { performSideBySide } from './job/perform-side-by-side.js';
import {
  type BackfillOptions,
  type NewRunOptions,
  parseBackfillOptions,
} from './options/backfill-options.js';
import { definitionOf } from './options/definition-options.js';
import type { BackfillReport } from './record/report.js';
import { openShards, type Run } from './record/run-record.js';
import { isWorkable } from './record/run-state.js';

/**
 * Fills the metadata at `paths` into every instance that a process model has now, batch by batch, or goes on with the
 * stored run `runId`. After an error, go on with `runId`: what was committed stays and is not done twice.
 *
 * With a `queue`, this call performs the first job itself, and the queue gets the others. If the process dies, a sweep enqueues
 * that job again. A job that is aborted or has used up its slice enqueues its continuation and reports `continued`. Without a queue, up to 8 shards are worked on side by side. No sweep or job of a
 * queue works on a run that was begun without one, until a call with a queue takes it up.
 *
 * @throws {InvalidInputError} or {@link InvalidExtractionPathsError}, before any I/O.
 * @throws {RunError} when `runId` is not stored, when its state forbids the call, or when its records are damaged or were
 *   stored by an incompatible version.
 * @throws {PortError} when the repository or the queue fails, and retries do not or would not help. Its
 *   message says how to go on.
 * @throws {RepositoryContractError} when the repository gives an answer that cannot be right. Nothing of it is committed.
 * @throws `signal.reason` when aborted before the first job begins, or without a queue. To go on, pass the `runId` that
 *   `onProgress` got. When the signal is aborted before the call, nothing is stored.
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
  const context = createRunContext(input, { dryRun }); // a dry run gets no queue, and stores in memory
  context.signal.throwIfAborted(); // before anything is stored
  const jobs =
    input.runId === undefined ? await startRun(context, input) : await takeUpRun(context, input.runId);
  const perform = context.queue === null ? performSideBySide : performFirstAndEnqueueOthers;
  return (await perform(context, jobs)) as BackfillReport<Key>;
}

/** A job for each shard to work on. At least one, which may find out that nothing is left. */
type Jobs = readonly [ShardJob, ...ShardJob[]];

/** Stores a new run before anything else, so that it cannot be lost. Its first job makes the other shards. */
async function startRun(context: RunContext, input: NewRunOptions): Promise<Jobs> {
  const definition = definitionOf(input, context.repository);
  const { processModelId } = input;
  const hasQueue = context.queue !== null;
  // It claims the keys for the new run, updates no paths of the model, and joins no active run.
  const request = { processModelId, updates: [], definitionFor: () => definition, hasQueue, joins: false };
  const claimed = await claimRun(context, request);
  if (claimed === null) throw new RangeError('there was nothing to run'); // only a model update may have nothing
  return [firstJob(claimed.run)];
}

/**
 * Takes up a stored run, less the keys that newer runs own by now. Each open shard gets a new step, so that jobs delivered
 * earlier give way once a job of this call has committed a batch. A failed run is resumed, and so is one without a queue if
 * there is one now. If the run is paused or has ended, its one job just reports.
 */
async function takeUpRun(context: RunContext, runId: string): Promise<Jobs> {
  const { runtime, queue } = context;
  const { run } = await goOnWithRun(context, openRun(context, runId), (stored, ownedKeys) =>
    takeUp(stored, ownedKeys, { now: runtime.now(), hasQueue: queue !== null }),
  );
  const open = isWorkable(run.header.state) ? openShards(run.shards) : [];
  const [first, ...others] = open.map(({ index, allottedStep }) => ({
    runId,
    shard: index,
    step: allottedStep,
  }));
  // If no shard is open, one job finds out why. It completes the run if only that is left to do.
  return [first ?? firstJob(run), ...others];
}

function firstJob({ header: { runId }, shards }: Run): ShardJob {
  return { runId, shard: 0, step: shards[0]?.allottedStep ?? 0 };
}

/**
 * The queue gets the jobs of the other shards of a run that was taken up. If a shard is held, its job goes back to the queue by
 * itself. A new run has one job, which makes the other shards and enqueues their jobs.
 */
async function performFirstAndEnqueueOthers(
  context: RunContext,
  [first, ...others]: Jobs,
): Promise<BackfillReport> {
  const handle = openRun(context, first.runId);
  for (const job of others) await handle.enqueue(job);
  return performJob(context, first);
}
