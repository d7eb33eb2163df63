import { InvalidInputError } from '../errors.js';
import { oneLine } from '../input/one-line.js';
import { parseInput } from '../input/parse-input.js';
import { previewPaths } from '../look/preview-paths.js';
import { openRun } from '../run/calls/open-run.js';
import { readFirst } from '../run/calls/read-first.js';
import { createRunContext } from '../run/context/create-run-context.js';
import { performJob } from '../run/job/perform-job.js';
import type { CallOptions } from '../run/options/backfill-options.js';
import { type RequesterOptions, requesterOf } from '../run/options/requester-options.js';
import type { InstanceDifference } from '../run/record/difference-counts.js';
import type { MetadataColumn } from '../run/record/metadata-column.js';
import { type BackfillReport, type RunStatus, type RunSummary, statusOf } from '../run/record/report.js';
import { isNewerFormat, newerFormat, type Requester, type Run } from '../run/record/run-record.js';
import type { InstanceFailure } from '../run/record/tally.js';
import { answerRequest, type RequestResult } from './answer-request.js';
import { type BackfillRequest, planRequest } from './backfill-request.js';
import { cancelRun, pauseRun, resumeRun } from './control-run.js';
import { listColumns } from './list-columns.js';
import { listRuns } from './list-runs.js';
import { type PreviewRequest, planPreview, type ServicePreview } from './preview-request.js';
import { readListPage } from './read-list-page.js';
import { type RetryResult, retryFailed } from './retry-failed.js';
import {
  callOptions,
  jobPayload,
  type ListPageOptions,
  processModelOnly,
  type RunListFilter,
  requesterOptions,
  runIdOnly,
  runListFilter,
  type ServiceOptions,
  type SweepOptions,
  serviceOptions,
  sweepOptions,
} from './service-options.js';
import { type SweepReport, sweepRuns } from './sweep-runs.js';
import { type VerifyRequest, verificationOf } from './verify-request.js';

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
   * Shows, from a sample of the instances, what a run would find and write, as `previewBackfill` does: for the added and changed
   * keys of a model update, or for any paths. Call it before `request`, with the same `includeChanged`: `projected` is about the keys
   * that this request fills. It writes nothing. It also works if the service is disabled.
   * @throws {InvalidInputError} or {@link InvalidExtractionPathsError}, before any I/O.
   * @throws {PortError} or {@link RepositoryContractError}, with `error.runId` null.
   * @throws `request.signal.reason` when aborted.
   */
  preview(request: PreviewRequest): Promise<ServicePreview>;

  /**
   * Runs one job. Resolves when the job can be acknowledged, even if it was not needed. When it rejects, deliver the job
   * again unless `error.retryable` is false. If a job is delivered more than 30 seconds before `startAfter`,
   * `handle` enqueues another one for that time, and resolves.
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
  pause(runId: string, requester?: RequesterOptions): Promise<RunStatus>;

  /**
   * Continues, from its checkpoint, a run that is paused or failed, or that `runBackfill` began without a queue.
   * @throws {RunError} RUN_NOT_FOUND, or RUN_STATE when it has ended for good or an equal run is active.
   * @throws {PortError} when only enqueueing failed: the run is resumed, and a later sweep enqueues the missing job, once
   *   `staleAfterMs` have passed.
   */
  resume(runId: string, requester?: RequesterOptions): Promise<RunStatus>;

  /**
   * Ends a run for good. What it wrote stays.
   * @throws {RunError} RUN_NOT_FOUND, or RUN_STATE when it is completed.
   */
  cancel(runId: string, requester?: RequesterOptions): Promise<RunStatus>;

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
   * The stored runs, newest first, with their counts: one call is enough for a page. Runs with a damaged record, or a record in
   * the format of another version, are left out with a warning in the log.
   */
  list(filter?: RunListFilter): Promise<readonly RunSummary[]>;

  /**
   * Every failure of a run, in pages. While the run is active, failures may be added to pages that you have read. Read the list
   * again from the first page when the run has ended. A run that walks again lists the failures of its last walk.
   * @throws {InvalidInputError} when `after` is not from a page of these failures, before any I/O.
   * @throws {RunError} RUN_NOT_FOUND when there is no such run. RUN_STATE when it has begun another walk since the page before: read
   *   from the first page again.
   */
  failures(runId: string, options?: ListPageOptions): Promise<FailuresPage>;

  /**
   * Requests the keys of a run again, for its failed instances, at most 10,000. Leaves out keys that were removed, read from
   * another path or, after that, requested again since. `left: true`: more instances have failed, or records of failures were
   * deleted. Then request the same keys for the whole model. That request skips filled instances.
   * @throws {RunError} RUN_NOT_FOUND, or RUN_STATE while the run is active.
   * @throws {PortError} or {@link RepositoryContractError}, as `request` does.
   */
  retryFailed(runId: string, requester?: RequesterOptions): Promise<RetryResult>;

  /**
   * Requests a verification: a dry run with `mode: 'overwrite'` and `clear`, which compares the stored values of every instance with
   * what the paths give now. It writes no value and takes no key. `status` shows its `verdict` and how much differs.
   * @throws as `request` does.
   */
  verify(request: VerifyRequest<Transaction>): Promise<RequestResult>;

  /**
   * The differences that a stored dry run has found, in pages. While the run is active: those so far, as in `failures`. A run
   * lists the first `maxListedDifferences` of each shard. `status` counts all, and its `warnings` says if some are not listed.
   * @throws {InvalidInputError} when `after` is not from a page of these differences, before any I/O.
   * @throws {RunError} RUN_NOT_FOUND when there is no such run. RUN_STATE when it is not a dry run, or when it has begun another walk since
   *   the page before: then read from the first page again.
   */
  differences(runId: string, options?: ListPageOptions): Promise<DifferencesPage>;

  /**
   * All keys of a model that were ever requested. For each: its path, the run that fills it, how far that run is, and who requested
   * it. It loads one record of the model, the headers of its active runs and, once each, the runs that fill its keys.
   * @throws {InvalidInputError} before any I/O.
   * @throws {RunError} RUN_FORMAT when the record of the model is damaged, or a newer version has written it.
   */
  columns(processModelId: string): Promise<readonly MetadataColumn[]>;
}

/** One page of the failures of a run. */
export interface FailuresPage {
  readonly failures: readonly InstanceFailure[];
  /** Pass it as `after` to get the next page. `null`: there is none. */
  readonly next: string | null;
}

/** One page of the differences that a dry run has found. */
export interface DifferencesPage {
  readonly differences: readonly InstanceDifference[];
  /** Pass it as `after` to get the next page. `null`: there is none. */
  readonly next: string | null;
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
  const { repository, config: { enabled } = { enabled: true }, transactional = false } = input;
  if (transactional) assertTransactional(input);

  const context = createRunContext(input, { dryRun: false });
  async function statusNow(run: Run): Promise<RunStatus> {
    const failures = await readFirst('failures', context, openRun(context, run.header.runId), run);
    return statusOf(run, { failures, now: context.runtime.now() });
  }
  async function requested(request: BackfillRequest<Transaction>): Promise<RequestResult> {
    const plan = planRequest(request, input, repository);
    if (plan.transaction !== undefined && !transactional) throw new InvalidInputError(NOT_TRANSACTIONAL);
    return answerRequest(context, plan, { enabled, nothing: 'No new metadata paths detected' });
  }
  const checkedId = (runId: string): string => parseInput('run', runIdOnly, { runId }).runId;
  const checkedRequester = (by: RequesterOptions = {}): Requester =>
    requesterOf(parseInput('requester', requesterOptions, by));

  return {
    request: requested,

    async preview(request) {
      const { plan, diff, signal } = planPreview(request, input, repository);
      const preview = await previewPaths(createRunContext({ ...input, signal }, { dryRun: true }), plan);
      return { ...preview, diff };
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
      return listRuns(context, { processModelId, active, before, limit });
    },

    async columns(processModelId) {
      return listColumns(context, parseInput('model', processModelOnly, { processModelId }).processModelId);
    },

    async failures(runId, options = {}) {
      const handle = openRun(context, checkedId(runId));
      const { items, next } = await readListPage('failures', context, handle, options);
      return { failures: items, next };
    },

    async differences(runId, options = {}) {
      const handle = openRun(context, checkedId(runId));
      const { items, next } = await readListPage('differences', context, handle, options);
      return { differences: items, next };
    },

    async verify(request) {
      return requested(verificationOf(request));
    },

    async retryFailed(runId, by) {
      return retryFailed(context, checkedId(runId), { enabled, requester: checkedRequester(by) });
    },

    pause: async (runId, by) => statusNow(await pauseRun(context, checkedId(runId), checkedRequester(by))),
    resume: async (runId, by) => statusNow(await resumeRun(context, checkedId(runId), checkedRequester(by))),
    cancel: async (runId, by) => statusNow(await cancelRun(context, checkedId(runId), checkedRequester(by))),

    async sweep(options) {
      const { staleAfterMs } = parseInput('sweep options', sweepOptions, options);
      return sweepRuns(context, staleAfterMs);
    },
  };
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
