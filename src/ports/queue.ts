/**
 * A host's job runner, as a backfill sees it. `Transaction` is the type of the host's transaction handle, with which a
 * request joins that transaction. Without support, leave it `never`.
 *
 * The worker's side is one line: `await service.handle(job.payload, { signal })`. Acknowledge the job when it resolves.
 * Have the job delivered again when it rejects, unless `error.retryable` is false.
 *
 * @example
 * const queue: BackfillQueue = {
 *   enqueue: async (job, { startAfter } = {}) => {
 *     await bull.add(job.name, job.payload, { jobId: job.key, delay: startAfter ? +startAfter - Date.now() : 0 });
 *   },
 * };
 */
export interface BackfillQueue<Transaction = never> {
  /**
   * Resolves once the runner has stored the job. May be called again with the same job after a failure. The runner may
   * drop a job whose `key` it has already, and may deliver a job twice or late. None of this does harm.
   */
  enqueue(
    job: BackfillJob,
    options?: {
      /**
       * The earliest time of delivery. Absent: at once. A runner that has to cap delays may deliver earlier: `handle` then
       * enqueues another job for this time. It does so once. If that job is early, too, the next one comes from `sweep`.
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
