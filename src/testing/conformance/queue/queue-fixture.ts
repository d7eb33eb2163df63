import type { BackfillQueue } from '../../../ports/queue.js';

/**
 * A queue and the host's worker behind it. The cases ignore the jobs of other runs, so one job runner can serve all
 * cases, one after the other.
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
   * Runs `work` in a transaction of the host: commits when it resolves, rolls back and rejects when it rejects. Required
   * if the queue is `transactional`.
   */
  transaction?<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** Cuts the connection between the queue and its job runner. After that, a case only calls `enqueue` and `close`. */
  disconnect?(): Promise<void>;
  /** How many milliseconds the runner may take to deliver a job, also after a failed attempt. @default 30_000 */
  readonly patienceMs?: number;

  /** Called after each case. */
  close?(): Promise<void>;
}

/** What a worker calls with each job. In production this is `service.handle`. */
export type QueueHandler = (
  payload: unknown,
  context: { readonly signal?: AbortSignal | undefined },
) => Promise<unknown>;
