import { InvalidInputError } from '../errors.js';
import type { ExtractionPathDiff } from '../extraction/diff-extraction-paths.js';
import { oneLine } from '../input/one-line.js';
import { parseInput } from '../input/parse-input.js';
import { findRuns, readableHeaders } from '../run/calls/find-runs.js';
import { openRun } from '../run/calls/open-run.js';
import { createRunContext } from '../run/context/create-run-context.js';
import type { RunContext } from '../run/context/run-context.js';
import type { LoggedRun } from '../run/context/run-log.js';
import { performJob } from '../run/job/perform-job.js';
import type { CallOptions } from '../run/options/backfill-options.js';
import {
  type BackfillReport,
  type RunStatus,
  type RunSummary,
  startAfterOf,
  statusOf,
  summaryOf,
} from '../run/record/report.js';
import { isNewerFormat, newerFormat, type Run } from '../run/record/run-record.js';
import type { RunState } from '../run/record/run-state.js';
import { type BackfillRequest, type PlannedRequest, planRequest } from './backfill-request.js';
import { cancelRun, pauseRun, resumeRun } from './control-run.js';
import { requestRun } from './request-run.js';
import {
  callOptions,
  jobPayload,
  type RunListFilter,
  runIdOnly,
  runListFilter,
  type ServiceOptions,
  type SweepOptions,
  serviceOptions,
  sweepOptions,
} from './service-options.js';
import { type SweepReport, sweepRuns } from './sweep-runs.js';

export type RequestResult =
  | {
      readonly status: 'triggered';
      readonly runId: string;
      readonly processModelId: string;
      /** The keys that the run fills. */
      readonly keys: readonly string[];
      /** `false`: `runId` is the active run of an equal request, which this request has joined. */
      readonly created: boolean;
      /**
       * Whether the run covers every instance that exists now. `false`: the last walk of the run began before this request.
       * To cover later instances, request again when it has ended.
       */
      readonly covered: boolean;
      /** Of the run. A paused run that was joined stays paused. */
      readonly state: RunState;
      /** Before this time no job works on the run, in milliseconds since the epoch. `null`: it may start at once. */
      readonly startAfter: number | null;
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
   * Stores a run and enqueues its job. If only the enqueueing fails, the run is stored and pending: repeating the
   * request enqueues its job, and so does a later sweep, once `staleAfterMs` have passed.
   * @throws {InvalidInputError} or {@link InvalidExtractionPathsError}, before any I/O.
   * @throws {PortError} or {@link RepositoryContractError}. `error.runId` is the run in question. It is null if the search
   *   for active runs failed: then no run was stored.
   */
  request(request: BackfillRequest<Transaction>): Promise<RequestResult>;

  /**
   * Runs one job. Resolves when the job can be acknowledged, even if it was not needed. When it rejects, deliver the job
   * again unless `error.retryable` is false. A job that comes before the start of its run is handed back to the queue.
   * @throws {InvalidInputError} when the payload is malformed: no delivery of it can succeed.
   * @throws {RunError} RUN_NOT_FOUND, retryable. RUN_FORMAT, retryable if a newer version wrote the job or the run.
   * @throws {PortError} or {@link RepositoryContractError}, as `runBackfill` does.
   */
  handle(payload: unknown, options?: CallOptions): Promise<BackfillReport>;

  /** @throws {RunError} RUN_NOT_FOUND when there is no such run. */
  status(runId: string): Promise<RunStatus>;

  /**
   * Stops a run until `resume`. A job that works on it ends at its next commit, which is refused.
   * @throws {RunError} RUN_NOT_FOUND, or RUN_STATE when it has ended.
   */
  pause(runId: string): Promise<RunStatus>;

  /**
   * Continues, from its checkpoint, a run that is paused or failed, or that `runBackfill` began without a queue.
   * @throws {RunError} RUN_NOT_FOUND, or RUN_STATE when it has ended for good or an equal run is active.
   * @throws {PortError} when only enqueueing failed: the run is resumed, and a later sweep enqueues the missing job, once
   *   `staleAfterMs` have passed.
   */
  resume(runId: string): Promise<RunStatus>;

  /**
   * Ends a run for good. What it wrote stays.
   * @throws {RunError} RUN_NOT_FOUND, or RUN_STATE when it is completed.
   */
  cancel(runId: string): Promise<RunStatus>;

  /**
   * Enqueues a job for each shard that should be worked on but has committed nothing for `staleAfterMs`: its job was
   * lost, the queue was down, or its worker died. The time doubles after each sweep without effect. The run fails when, in
   * each open shard, eight such jobs in a row have begun and committed no batch. Call it every minute, from any number of
   * processes. A job too many does no harm. Production needs sweeps, because every job runner can lose a job. Runs that
   * `runBackfill` began without a queue, and runs in the format of a newer version, are left alone.
   * @throws {PortError} or {@link RunError}, the first error of any run, after a look at all others.
   */
  sweep(options: SweepOptions): Promise<SweepReport>;

  /**
   * The stored runs, newest first. Runs with a damaged record, or a record in the format of another
   * version, are left out with a warning in the log.
   */
  list(filter?: RunListFilter): Promise<readonly RunSummary[]>;
}

/**
 * Wires a repository and a queue into the service that a workflow backend calls.
 * @throws {InvalidInputError} when an option is wrong, or `transactional` is set and a port does not declare it.
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

  const context = createRunContext(input, { dryRun: false });
  const statusNow = (run: Run): RunStatus => statusOf(run, context.runtime.now());
  const checkedId = (runId: string): string => parseInput('run', runIdOnly, { runId }).runId;

  return {
    async request(request) {
      const plan = planRequest(request, input, repository);
      const { processModelId, diff, transaction } = plan;
      if (transaction !== undefined && !transactional) throw new InvalidInputError(NOT_TRANSACTIONAL);
      if (!config.enabled)
        return { status: 'skipped', reason: 'Metadata backfill feature is disabled', diff };
      const requested = asksForSomething(plan) ? await requestRun(context, plan) : null;
      const header = requested?.run.header;
      const named = { runId: header?.runId ?? NO_RUN, processModelId };
      const keys = header?.definition.paths.map(({ key }) => key) ?? [];
      warnOfUnusable(context, diff, named);
      const left = diff?.changed.map(({ key }) => key).filter((key) => !keys.includes(key)) ?? [];
      if (left.length > 0) context.log.keysLeft(named, left);
      if (requested === null) return { status: 'skipped', reason: 'No new metadata paths detected', diff };
      const { run, created, covered } = requested;
      const { state } = run.header;
      const startAfter = startAfterOf(run, context.runtime.now());
      return { status: 'triggered', ...named, keys, created, covered, state, startAfter, diff };
    },

    async handle(payload, options = {}) {
      assertKnownFormat(payload);
      const job = parseInput('job payload', jobPayload, payload);
      const call = parseInput('handle options', callOptions, options);
      return performJob(createRunContext({ ...input, ...call }, { dryRun: false }), job);
    },

    async status(runId) {
      const id = checkedId(runId);
      return statusNow(await openRun(context, id).load());
    },

    async list(filter = {}) {
      const {
        processModelId = null,
        active = null,
        before = null,
        limit = 100,
      } = parseInput('list filter', runListFilter, filter);
      const records = await findRuns(context, { processModelId, active, before, limit });
      return readableHeaders(context, records).map(summaryOf);
    },

    pause: async (runId) => statusNow(await pauseRun(context, checkedId(runId))),
    resume: async (runId) => statusNow(await resumeRun(context, checkedId(runId))),
    cancel: async (runId) => statusNow(await cancelRun(context, checkedId(runId))),

    async sweep(options) {
      const { staleAfterMs } = parseInput('sweep options', sweepOptions, options);
      return sweepRuns(context, staleAfterMs);
    },
  };
}

/** Stands for the id of a run in a log line that is about none. */
const NO_RUN = '-';

function asksForSomething({ updates, definitionFor }: PlannedRequest): boolean {
  return updates.length > 0 || definitionFor(new Set()) !== null;
}

function warnOfUnusable({ log }: RunContext, diff: ExtractionPathDiff | null, run: LoggedRun): void {
  for (const { key, problem } of diff?.unusable ?? []) {
    const path = `the extraction path of ${JSON.stringify(key)} in process model ${run.processModelId}`;
    log.warned(run, `No run reads ${path}, because it cannot be used: ${problem}`);
  }
}

/** @throws {RunError} RUN_FORMAT, retryable, when a newer version enqueued the job. */
function assertKnownFormat(payload: unknown): void {
  const { format, runId } = Object(payload) as { readonly format?: unknown; readonly runId?: unknown };
  if (isNewerFormat(format)) throw newerFormat(oneLine(String(runId), 100), 'the payload of a job', format);
}

function assertTransactional({ repository, queue }: ServiceOptions): void {
  const missing = Object.entries({ repository, queue }).filter(([, port]) => port.transactional !== true);
  if (missing.length === 0) return;
  const names = missing.map(([name]) => `the ${name}`).join(' and ');
  throw new InvalidInputError(
    `transactional: ${names} ${missing.length === 1 ? 'does' : 'do'} not declare transactional: true, so a request in a transaction could lose its job or its run. Use ports that take part in transactions, or leave this option out.`,
  );
}

const NOT_TRANSACTIONAL =
  'request.transaction: this service was created without transactional: true, and would not take part in the transaction.';
