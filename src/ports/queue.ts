/**
 * A host's job runner, as a backfill sees it. `Transaction` is the type of the host's transaction handle, with which a
 * request joins that transaction. Without support, leave it `never`.
 *
 * The worker's side is one line: `await service.handle(job.payload, { signal })`. Set the runner as follows:
 * - **Acknowledge** a job when `handle` has resolved, not when a worker takes it. Otherwise a killed worker loses its job.
 * - **Retry** a job when `handle` rejects, at least 10 times, with growing pauses. If `error.retryable` is false, do not
 *   retry it. A job that has failed for good must not keep its key, because the same job may be enqueued again.
 * - **Lock** a running job for longer than `sliceMs` and one batch, or let heartbeats extend the lock. Otherwise a second
 *   worker gets the job while the first one works on it, and both do the same work.
 * - **Stop** a worker in this order: abort the signal, wait for `handle`, close the queue. After the abort, `handle` still
 *   commits its batch and enqueues the next job.
 *
 * @example
 * const queue: BackfillQueue = {
 *   enqueue: async ({ name, key, payload }, { startAfter } = {}) => {
 *     const delay = startAfter ? Math.max(0, +startAfter - Date.now()) : 0;
 *     const backoff = { type: 'exponential', delay: 1000 };
 *     await bull.add(name, payload, { deduplication: { id: key }, delay, attempts: 10, backoff });
 *   },
 * };
 */
export interface BackfillQueue<Transaction = never> {
  /**
   * Resolves once the runner has stored the job, and rejects after some seconds if it does not answer. May be called again
   * with the same job after a failure. The runner may drop a job while an earlier one with this `key` waits or runs, or has
   * succeeded. It may deliver a job twice or late. None of this does harm.
   */
  enqueue(
    job: BackfillJob,
    options?: {
      /**
       * The earliest time of delivery. Absent: at once. A runner with limited delays delivers the job after its longest one.
       * `handle` then enqueues another job for this time, but only once. If that is early, too, `sweep` enqueues the next. A job must not wait behind jobs that have longer delays.
       */
      readonly startAfter?: Date | undefined;
      readonly transaction?: Transaction | undefined;
    },
  ): Promise<void>;

  /** Whether `enqueue` honours `options.transaction`. @default false */
  readonly transactional?: boolean;
}

export interface BackfillJob {
  readonly name: 'backfill_metadata';
  /** Unique to this step of this shard, of the form [A-Za-z0-9_-]{1,200}. */
  readonly key: string;
  readonly payload: JobPayload;
}

/**
 * Plain JSON. It carries no cursor, so a late job cannot move a run back. A later version that changes it adds a `format`
 * above 1, and older workers hand such jobs back.
 */
export interface JobPayload {
  readonly runId: string;
  readonly shard: number;
  readonly step: number;
}

/** What a worker calls with each job, such as `service.handle`. Rejects if the job failed. To stop it, abort the signal. */
export type JobHandler = (payload: JobPayload, context: { readonly signal: AbortSignal }) => Promise<unknown>;
