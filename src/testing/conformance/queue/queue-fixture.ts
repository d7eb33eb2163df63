import type { BackfillQueue } from '../../../ports/queue.js';

/**
 * A queue and the host's worker behind it. Use a queue of its own (a name, prefix, schema or stream), without other producers
 * and workers, and delete it after the last case: some cases leave jobs with a far `startAfter` behind. One such queue
 * can serve all cases, one after the other. A job of somebody else is made to fail, so that it stays, and fails the case.
 *
 * Supply `queue` and `startWorker`. Each other member is optional and lets more cases look. A case that cannot look says
 * which member it lacks. Two mistakes stay hidden from the cases:
 * - Waiting jobs that are lost later, because the queue that delays them expires a minute after its last use. Only a wait
 *   longer than that shows it. Let such a queue live longer than its longest delay.
 * - `startAfter` as a local time without its zone, if the tests run at UTC. So also run the cases with `TZ=Asia/Tokyo` and
 *   with `TZ=America/Lima`.
 *
 * @example
 * const createQueueFixture = (): QueueFixture<PoolClient> => ({
 *   queue, startWorker, // required
 *   killWorker, transaction, disconnect, lockMs: 2000, attempts: 10, close, // optional
 * });
 */
export interface QueueFixture<Transaction = never> {
  /** The queue under test. */
  readonly queue: BackfillQueue<Transaction>;

  /**
   * Starts the host's worker, which calls `handler` instead of `service.handle`. Resolves to a function that stops the
   * worker as a shutdown does: it aborts the signal of the running job, then waits until the job has settled. A case may
   * call `startWorker` again after that.
   */
  startWorker(handler: QueueHandler): (() => Promise<void>) | Promise<() => Promise<void>>;

  /**
   * Ends the worker that was started last as SIGKILL would, in the middle of a job: it cuts the connections of the worker,
   * or kills its process. It does not wait for the handler, which never settles. After that, a case starts another worker.
   */
  killWorker?(): Promise<void>;
  /**
   * Runs `work` in a transaction of the host: commits when it resolves, rolls back and rejects when it rejects. Required
   * if the queue is `transactional`.
   */
  transaction?<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** Cuts the connection between the queue and its job runner. After that, a case only calls `enqueue` and `close`. */
  disconnect?(): Promise<void>;
  /** How many milliseconds the runner may take to deliver a job, also after a failed attempt. @default 30_000 */
  readonly patienceMs?: number;
  /**
   * How many times the runner delivers a job whose handler always rejects. Give it if the fixture makes the pauses between
   * these attempts short. A case waits for each of them for `patienceMs` at most.
   * @default no case spends all attempts of a job
   */
  readonly attempts?: number;
  /**
   * The longest delay in milliseconds that the runner keeps. A job with a later `startAfter` comes early, which the port
   * allows. @default Infinity
   */
  readonly longestDelayMs?: number;
  /**
   * Milliseconds until the runner takes a job for lost if the worker is silent: its lock or visibility time-out, and the
   * interval of the checks. A case keeps a job running for half as long again, so set a short one in the tests.
   * `Infinity`: a job is never taken away from a worker. @default unknown: only a very short lock is noticed
   */
  readonly lockMs?: number;

  /** Called after each case. */
  close?(): Promise<void>;
}

/** What a worker calls with each job. In production this is `service.handle`. */
export type QueueHandler = (
  payload: unknown,
  context: { readonly signal?: AbortSignal | undefined },
) => Promise<unknown>;
