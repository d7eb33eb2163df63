import { setMaxListeners } from 'node:events';
import pLimit from 'p-limit';
import { portCalls } from './access/port-calls.js';
import { changeRun, createRun } from './access/run-store.js';
import {
  type BackfillOptions,
  definitionOf,
  type NewRunOptions,
  parseBackfillOptions,
} from './backfill-options.js';
import { createWorker } from './create-worker.js';
import type { ShardJob } from './job/claim-job.js';
import { enqueueStep } from './job/enqueue-step.js';
import { performJob } from './job/perform-job.js';
import { watchProgress } from './record/progress.js';
import type { BackfillReport } from './record/report.js';
import { openShards, takeUp } from './record/run-changes.js';
import { newRun } from './record/run-definition.js';
import { isWorkable } from './record/run-state.js';
import type { Worker } from './worker.js';

/**
 * Fills the metadata at `paths` into every instance that a process model has now, batch by batch, or goes on with the
 * stored run `runId`. Safe to call again after any error: what was committed stays and is not done twice.
 *
 * With a `queue`, a job that is aborted or has used up its slice enqueues its continuation and reports `continued`; and
 * further shards are jobs of their own. Without one, up to 8 of them are worked on side by side.
 *
 * @throws {InvalidInputError} {@link InvalidExtractionPathsError} before any I/O.
 * @throws {RunError} when `runId` is not stored, or was stored by an incompatible version.
 * @throws {PortError} when the repository or the queue fails and retries do not help; `error.runId` goes on from there.
 * @throws {RepositoryContractError} when the repository answers what it must not; nothing of that is committed.
 * @throws `signal.reason` when aborted without a queue.
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
  const worker = createWorker(input);
  const jobs = input.runId === undefined ? await start(worker, input) : await takeUpRun(worker, input.runId);
  const perform = worker.queue === null ? performSideBySide : performFirst;
  return (await perform(worker, jobs)) as BackfillReport<Key>;
}

/** A job for each shard there is to work on; at least one, which finds out that there is none. */
type Jobs = readonly [ShardJob, ...ShardJob[]];

/** A new run, stored before anything else so that it cannot be lost. */
async function start(worker: Worker, input: NewRunOptions): Promise<Jobs> {
  const run = newRun(input.processModelId, definitionOf(input, worker.repository), worker);
  const { runId } = run.header;
  const ports = portCalls(worker, watchProgress(runId, worker));
  if (!(await createRun(worker.repository, ports, run))) {
    throw ports.contractError(
      `commit refused the records of a new run: ${runId} is stored already, or its claim is taken.`,
    );
  }
  return [{ runId, shard: 0, step: 0 }];
}

/** A stored run, under steps of its own; a failed one is set going again. */
async function takeUpRun(worker: Worker, runId: string): Promise<Jobs> {
  const ports = portCalls(worker, watchProgress(runId, worker));
  const { run } = await changeRun(worker.repository, ports, runId, (stored) =>
    takeUp(stored, worker.runtime.now()),
  );
  const open = isWorkable(run.header.state) ? openShards(run.shards) : [];
  const [first, ...others] = open.map(({ index, step }) => ({ runId, shard: index, step }));
  return [first ?? { runId, shard: 0, step: run.shards[0]?.step ?? 0 }, ...others];
}

async function performFirst(worker: Worker, [first, ...others]: Jobs): Promise<BackfillReport> {
  const { queue } = worker;
  const ports = portCalls(worker, watchProgress(first.runId, worker));
  for (const job of others)
    if (queue !== null) await ports.call('queue.enqueue', () => enqueueStep(queue, job));
  return performJob(worker, first);
}

/** Each keeps a connection or two busy. */
const MOST_SIDE_BY_SIDE = 8;

/** The first error stops all; what they have committed stays. */
async function performSideBySide(worker: Worker, jobs: Jobs): Promise<BackfillReport> {
  const stopping = new AbortController();
  const signal = AbortSignal.any([worker.signal, stopping.signal]);
  setMaxListeners(0, signal); // each shard has some
  const limit = pLimit(MOST_SIDE_BY_SIDE);
  const watch = watchProgress(jobs[0].runId, worker);
  const underWay: Promise<BackfillReport | null>[] = [];
  function start(added: readonly ShardJob[]): void {
    for (const job of added) {
      const report = limit(() => performJob({ ...worker, signal }, job, { watch, start }));
      const stopAll = (error: unknown) => {
        stopping.abort(error);
        return null;
      };
      underWay.push(report.catch(stopAll));
    }
  }
  start(jobs);
  const reports: (BackfillReport | null)[] = [];
  for (const report of underWay) reports.push(await report); // shards are added while the first is under way
  if (stopping.signal.aborted) throw stopping.signal.reason;
  const ended = reports.filter((report) => report !== null);
  const report =
    ended.find(({ state }) => state !== 'continued' && state !== 'superseded') ??
    ended.find(({ state }) => state === 'continued') ??
    ended[0];
  if (report === undefined) throw new RangeError('there was no job to perform');
  return report;
}
