import type { BackfillQueue } from '../../../ports/queue.js';

/**
 * A queue and the host's worker behind it. Jobs of other runs may be in it: the cases only look at their own, so that
 * one job runner can serve all of them.
 */
export interface QueueFixture<Transaction = never> {
  readonly queue: BackfillQueue<Transaction>;

  /**
   * Starts the host's worker with `handler` in the place of `service.handle`. Resolves to what stops it as at a
   * shutdown: the signal is aborted and the job under way settled. May be called again afterwards.
   */
  startWorker(handler: QueueHandler): (() => Promise<void>) | Promise<() => Promise<void>>;

  /** Commits when `work` resolves, rolls back when it rejects. Needed where the queue is `transactional`. */
  transaction?<Result>(work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** Leaves the queue without its job runner, as when the connection is lost. Nothing comes after it but `close`. */
  disconnect?(): Promise<void>;
  /** How long the runner may take to deliver a job, also after a failure. @default 30_000 */
  readonly patienceMs?: number;

  /** After each case. */
  close?(): Promise<void>;
}

/** What a worker calls with each job: `service.handle`, or a case in its place. */
export type QueueHandler = (
  payload: unknown,
  context: { readonly signal?: AbortSignal | undefined },
) => Promise<unknown>;
