import { isBackfillError } from '../errors.js';
import {
  type BackfillOptions,
  definitionOf,
  type NewRunOptions,
  parseBackfillOptions,
} from './backfill-options.js';
import type { ShardJob } from './claim-job.js';
import { concludeJob } from './conclude-job.js';
import { createWorker } from './create-worker.js';
import { type PortCalls, portCalls, reasonOf } from './port-calls.js';
import { watchProgress } from './progress.js';
import { type BackfillReport, reportOf } from './report.js';
import { fail, freeze, takeUp } from './run-changes.js';
import { newRun } from './run-definition.js';
import type { Run } from './run-record.js';
import { changeRun, createRun, loadRun } from './run-store.js';
import { openSession, type ShardSession } from './shard-session.js';
import { walkShard } from './walk-shard.js';
import type { Worker } from './worker.js';

/**
 * Fills the metadata at `paths` into every instance that a process model has now, batch by batch, or goes on with the
 * stored run `runId`. Safe to call again after any error: what was committed stays and is not done twice.
 *
 * With a `queue`, a job that is aborted or has used up its slice enqueues its continuation and reports `continued`.
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
  const job = input.runId === undefined ? await start(worker, input) : await takeUpRun(worker, input.runId);
  return (await performJob(worker, job)) as BackfillReport<Key>;
}

/** One job: takes a shard from its stored checkpoint as far as slice, signal and other jobs let it, then hands over. */
export async function performJob(worker: Worker, job: ShardJob): Promise<BackfillReport> {
  const watch = watchProgress(job.runId, worker);
  const ports = portCalls(worker, watch);
  const session = openSession(worker, {
    job,
    ports,
    watch,
    run: await loadRun(worker.repository, ports, job.runId),
  });
  // What the walk leaves behind is settled also after an abort.
  const settler = { ...worker, signal: new AbortController().signal };
  const settling = portCalls(settler, watch);
  try {
    if (session.ending === null) await freezeRun(worker, session);
    await walkShard(worker, session);
  } catch (error) {
    if (!worker.signal.aborted) throw await recordFatal(settler, settling, session.run, error);
    if (worker.queue === null) throw worker.signal.reason;
    session.end('turn-over');
  }
  const { run, state } = await concludeJob(settler, settling, session);
  watch.see(run);
  return reportOf(run, state, {
    dryRun: worker.dryRun,
    now: worker.runtime.now(),
  });
}

/** A new run, stored before anything else so that it cannot be lost. */
async function start(worker: Worker, input: NewRunOptions): Promise<ShardJob> {
  const run = newRun(input.processModelId, definitionOf(input, worker.repository), worker);
  const { runId } = run.header;
  const ports = portCalls(worker, watchProgress(runId, worker));
  if (!(await createRun(worker.repository, ports, run))) {
    throw ports.contractError(
      `commit refused the records of a new run: ${runId} is stored already, or its claim is taken.`,
    );
  }
  return { runId, shard: 0, step: 0 };
}

/** A stored run, under a step of its own; a failed one is set going again. */
async function takeUpRun(worker: Worker, runId: string): Promise<ShardJob> {
  const ports = portCalls(worker, watchProgress(runId, worker));
  const { run } = await changeRun(worker.repository, ports, runId, (stored) =>
    takeUp(stored, worker.runtime.now()),
  );
  const shard = run.shards.find(({ done }) => !done) ?? run.shards[0];
  return { runId, shard: shard?.index ?? 0, step: shard?.step ?? 0 };
}

/** The first job of a run fixes its bound and total: not the request, which may be older than the model update. */
async function freezeRun(worker: Worker, session: ShardSession): Promise<void> {
  const { repository, runtime, signal, log } = worker;
  const { header } = session.run;
  if (header.state === 'running') return session.adopt(session.run);
  const { instanceIds, limit } = header.definition;
  const query = {
    processModelId: header.processModelId,
    instanceIds,
    limit,
    after: null,
    signal,
  };
  const survey = await session.ports.call('repository.surveyInstances', () =>
    repository.surveyInstances(query),
  );
  const { run, changed } = await changeRun(repository, session.ports, header.runId, (stored) =>
    freeze(stored, survey, runtime.now()),
  );
  if (changed) log.started(run.header);
  session.adopt(run);
}

/** A fault that trying again does not mend ends the run, where that can still be written; a resume goes on with it. */
async function recordFatal(
  worker: Worker,
  ports: PortCalls,
  { header }: Run,
  error: unknown,
): Promise<unknown> {
  const { repository, runtime, log } = worker;
  log.failed(header, reasonOf(error));
  if (isBackfillError(error) && error.retryable) return error;
  try {
    await changeRun(repository, ports, header.runId, (run) => fail(run, reasonOf(error), runtime.now()));
  } catch (second) {
    log.warned(header, `The run could not be marked as failed: ${reasonOf(second)}`);
  }
  return error;
}
