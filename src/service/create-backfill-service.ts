import { InvalidInputError } from '../errors.js';
import type { ExtractionPathDiff } from '../extraction/diff-extraction-paths.js';
import { parseInput } from '../input/parse-input.js';
import type { CallOptions } from '../run/backfill-options.js';
import { createWorker } from '../run/create-worker.js';
import { enqueueStep } from '../run/enqueue-step.js';
import { watchProgress } from '../run/progress.js';
import { type BackfillReport, type RunStatus, type RunSummary, statusOf, summaryOf } from '../run/report.js';
import { performJob } from '../run/run-backfill.js';
import { fingerprint, newRun } from '../run/run-definition.js';
import { headerFrom, type Run } from '../run/run-record.js';
import { createRun, loadRun } from '../run/run-store.js';
import { type PortCalls, portCalls } from '../run/worker.js';
import { type BackfillRequest, type PlannedRequest, planRequest } from './backfill-request.js';
import {
  callOptions,
  jobPayload,
  type RunListFilter,
  runIdOnly,
  runListFilter,
  type ServiceOptions,
  serviceOptions,
} from './service-options.js';

export type RequestResult =
  | {
      readonly status: 'triggered';
      readonly runId: string;
      readonly processModelId: string;
      /** What the run fills in. */
      readonly keys: readonly string[];
      /** `false`: an equal request is under way already, `runId` is its run. */
      readonly created: boolean;
      /** `null` for a request by hand. */
      readonly diff: ExtractionPathDiff | null;
    }
  | {
      readonly status: 'skipped';
      readonly reason: 'Metadata backfill feature is disabled' | 'No new metadata paths detected';
      readonly diff: ExtractionPathDiff | null;
    };

/** What a workflow backend calls: on a model update, in its job worker, and in its administration. */
export interface BackfillService<Transaction = never> {
  /**
   * Stores a run and enqueues its job. When only the enqueueing fails, the run is there, pending: requesting the same
   * again enqueues it, and `runBackfill({ runId })` runs it.
   * @throws {InvalidInputError} {@link InvalidExtractionPathsError} before any I/O.
   * @throws {PortError} when the repository or the queue fails; `error.runId` is the run.
   */
  request(request: BackfillRequest<Transaction>): Promise<RequestResult>;

  /**
   * Runs one job. Resolves when the job is done with, which includes that it was not needed. When it rejects, deliver
   * the job again unless `error.retryable` is false.
   * @throws {InvalidInputError} when the payload is malformed: no delivery of it can succeed.
   * @throws {RunError} RUN_NOT_FOUND, retryable.
   * @throws {PortError} {@link RepositoryContractError} as `runBackfill` does.
   */
  handle(payload: unknown, options?: CallOptions): Promise<BackfillReport>;

  /** @throws {RunError} RUN_NOT_FOUND when there is no such run. */
  status(runId: string): Promise<RunStatus>;

  /** The stored runs, newest first. */
  list(filter?: RunListFilter): Promise<readonly RunSummary[]>;
}

/**
 * Wires a repository and a queue into the service that a workflow backend calls.
 * @throws {InvalidInputError} when an option is wrong, or transactions are wanted of a port that has none.
 * @example
 * const service = createBackfillService({ repository, queue, config: loadBackfillConfig(process.env) });
 * await service.request({ processModelId, before: oldModel.paths, after: newModel.paths });
 * worker.process((job) => service.handle(job.payload));
 */
export function createBackfillService<Transaction = never>(
  options: ServiceOptions<Transaction>,
): BackfillService<Transaction> {
  const input = parseInput('createBackfillService options', serviceOptions, options);
  const { repository, config = { enabled: true }, transactional = false } = input;
  if (transactional) assertTransactional(input);

  /** For calls that are not jobs. */
  const worker = createWorker(input);
  const portsFor = (runId: string): PortCalls => portCalls(worker, watchProgress(runId, worker));

  /** Stores the run, or finds the active one of an equal request. */
  async function storeRun(
    run: Run,
    transaction: unknown,
  ): Promise<{ readonly run: Run; readonly created: boolean }> {
    const { runId, claim } = run.header;
    const ports = portsFor(runId);
    for (;;) {
      if (await createRun(worker.repository, ports, run, transaction)) return { run, created: true };
      const query = {
        processModelId: null,
        activeKey: claim,
        active: true,
        before: null,
        limit: 1,
      };
      const [active] = await ports.call('repository.findRuns', () => repository.findRuns(query));
      // None: the run that held the claim has ended in the meantime.
      if (active !== undefined)
        return {
          run: await loadRun(worker.repository, ports, active.runId),
          created: false,
        };
    }
  }

  async function enqueueFirstStep(run: Run, { startAfter, transaction }: PlannedRequest): Promise<void> {
    const { runId } = run.header;
    const step = run.shards[0]?.step ?? 0;
    await portsFor(runId).call('queue.enqueue', () =>
      enqueueStep(input.queue, { runId, shard: 0, step }, { startAfter, transaction }),
    );
  }

  return {
    async request(request) {
      const plan = planRequest(request, input, repository);
      const { processModelId, definition, diff, transaction } = plan;
      if (transaction !== undefined && !transactional) throw new InvalidInputError(NOT_TRANSACTIONAL);
      if (!config.enabled)
        return {
          status: 'skipped',
          reason: 'Metadata backfill feature is disabled',
          diff,
        };
      if (definition === null)
        return {
          status: 'skipped',
          reason: 'No new metadata paths detected',
          diff,
        };

      const claim = fingerprint(processModelId, definition);
      const wanted = newRun(processModelId, definition, {
        runtime: worker.runtime,
        claim,
      });
      const { run, created } = await storeRun(wanted, transaction);
      if (run.header.state === 'pending') await enqueueFirstStep(run, plan);
      const keys = definition.paths.map(({ key }) => key);
      return {
        status: 'triggered',
        runId: run.header.runId,
        processModelId,
        keys,
        created,
        diff,
      };
    },

    async handle(payload, options = {}) {
      const job = parseInput('job payload', jobPayload, payload);
      return performJob(
        createWorker({
          ...input,
          ...parseInput('handle options', callOptions, options),
        }),
        job,
      );
    },

    async status(runId) {
      parseInput('status', runIdOnly, { runId });
      return statusOf(await loadRun(worker.repository, portsFor(runId), runId), worker.runtime.now());
    },

    async list(filter = {}) {
      const {
        processModelId,
        active,
        before,
        limit = 100,
      } = parseInput('list filter', runListFilter, filter);
      const query = {
        processModelId: processModelId ?? null,
        activeKey: null,
        active: active ?? null,
        before: before ?? null,
        limit,
      };
      const records = await portsFor('').call('repository.findRuns', () => repository.findRuns(query));
      return records.map((record) => summaryOf(headerFrom(record)));
    },
  };
}

function assertTransactional({ repository, queue }: ServiceOptions): void {
  const missing = Object.entries({ repository, queue }).filter(([, port]) => port.transactional !== true);
  if (missing.length === 0) return;
  const names = missing.map(([name]) => name).join(' and ');
  throw new InvalidInputError(
    `transactional: the ${names} does not declare transactional: true, so a request in a transaction could lose its job or its run. Use ports that take part in transactions, or leave this option out.`,
  );
}

const NOT_TRANSACTIONAL =
  'request.transaction: this service was created without transactional: true, and would not take part in the transaction.';
