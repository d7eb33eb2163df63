import { type RunnerOptions, run } from 'graphile-worker';
import { type BackfillQueue, type BackfillService, isBackfillError } from 'process-metadata-backfill';

const TASK = 'backfill_metadata';

/** A connection or a transaction of the host, on any PostgreSQL driver. */
export interface SqlConnection {
  query(text: string, values: readonly unknown[]): Promise<unknown[]>;
}

export function createGraphileWorkerQueue(
  database: SqlConnection,
  schema = 'graphile_worker',
): BackfillQueue<SqlConnection> {
  return {
    transactional: true,
    async enqueue({ key, payload }, { startAfter = null, transaction = database } = {}) {
      await transaction.query(
        `select ${schema}.add_job($1, payload => $2::json, run_at => $3::timestamptz,
           job_key => $4, job_key_mode => 'preserve_run_at')`,
        [TASK, JSON.stringify(payload), startAfter, key],
      );
    },
  };
}

/** @returns a function that finishes the current batch and hands the rest over. */
export async function startGraphileWorker(
  service: Pick<BackfillService, 'handle' | 'sweep'>,
  options: RunnerOptions,
  { sweepEveryMs = 60_000, staleAfterMs = 300_000 } = {},
): Promise<() => Promise<void>> {
  const runner = await run({
    ...options,
    gracefulShutdownAbortTimeout: 0, // abort at once, not after five seconds
    taskList: {
      ...options.taskList,
      async [TASK](payload, { abortSignal, logger }) {
        try {
          await service.handle(payload, { signal: abortSignal });
        } catch (error) {
          if (!isBackfillError(error) || error.retryable) throw error;
          logger.error(`This job cannot succeed: ${error.message}`); // a job that throws is retried
        }
      },
    },
  });
  const sweeping = setInterval(() => service.sweep({ staleAfterMs }).catch(console.error), sweepEveryMs);
  let isStopping = false;
  const stopped = runner.promise.catch(console.error).then(() => {
    if (!isStopping) console.error('Graphile Worker has stopped. Restart this process to run jobs again.');
  });
  return async () => {
    isStopping = true;
    clearInterval(sweeping);
    await runner.stop().catch(() => {}); // it may have stopped already
    await stopped;
  };
}
