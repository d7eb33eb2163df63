import type PgBoss from 'pg-boss';
import { type BackfillQueue, type BackfillService, isBackfillError } from 'process-metadata-backfill';

const QUEUE = 'backfill_metadata';

/** A transaction of the host, on any PostgreSQL driver. */
export interface SqlTransaction {
  query(text: string, values: readonly unknown[]): Promise<unknown[]>;
}

export async function createPgBossQueue(boss: PgBoss): Promise<BackfillQueue<SqlTransaction>> {
  // Only the policy `short` refuses a second job with the same singletonKey (in pg-boss 12: `exclusive`). The queue must
  // exist: otherwise `send` drops the job without an error.
  await boss.createQueue(QUEUE, {
    name: QUEUE,
    policy: 'short',
    retryLimit: 10,
    retryDelay: 1,
    retryBackoff: true,
  });
  return {
    transactional: true,
    async enqueue({ key, payload }, { startAfter, transaction } = {}) {
      await boss.send(QUEUE, payload, {
        singletonKey: key,
        ...(startAfter && { startAfter }),
        ...(transaction && {
          db: { executeSql: async (text, values) => ({ rows: await transaction.query(text, values) }) },
        }),
      });
    },
  };
}

/** @returns a function that finishes the current batch and hands the rest over. Call `boss.stop()` after it. */
export async function startPgBossWorker(
  boss: PgBoss,
  service: Pick<BackfillService, 'handle' | 'sweep'>,
  { sweepEveryMs = 60_000, staleAfterMs = 300_000 } = {},
): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  const perform = async ({ id, data }: PgBoss.Job<unknown>) => {
    try {
      await service.handle(data, { signal: stopping.signal });
    } catch (error) {
      if (!isBackfillError(error) || error.retryable) throw error;
      console.error(`Job ${id} cannot succeed: ${error.message}`);
      await boss.cancel(QUEUE, id); // a failed job is retried, a cancelled one is not
    }
  };
  let underWay: Promise<unknown> = Promise.resolve();
  await boss.work(QUEUE, { pollingIntervalSeconds: 0.5 }, (jobs) => {
    underWay = Promise.all(jobs.map(perform));
    return underWay;
  });
  const sweeping = setInterval(() => service.sweep({ staleAfterMs }).catch(console.error), sweepEveryMs);
  return async () => {
    clearInterval(sweeping);
    stopping.abort();
    await boss.offWork(QUEUE);
    await Promise.allSettled([underWay]);
  };
}
