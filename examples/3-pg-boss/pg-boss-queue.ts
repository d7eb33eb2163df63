import type PgBoss from 'pg-boss';
import { type BackfillQueue, type BackfillService, isBackfillError } from 'process-metadata-backfill';
import type { Sql } from '../1-embedded-postgres/sql.js';

const QUEUE = 'backfill_metadata';

export async function createPgBossQueue(boss: PgBoss): Promise<BackfillQueue<Sql>> {
  // Only under policy `short` a singletonKey keeps doubles out (in pg-boss 12: `exclusive`). The queue must be there:
  // `send` to one that is not drops the job without an error.
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

/** @returns what ends it: the batch under way is settled and the rest handed over; `boss.stop()` then waits for that. */
export async function startPgBossWorker(
  boss: PgBoss,
  service: Pick<BackfillService, 'handle' | 'sweep'>,
  { sweepEveryMs = 30_000, staleAfterMs = 60_000 } = {},
): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  await boss.work(QUEUE, { pollingIntervalSeconds: 0.5 }, async ([job]) => {
    try {
      await service.handle(job?.data, { signal: stopping.signal });
    } catch (error) {
      if (job === undefined || !isBackfillError(error) || error.retryable) throw error;
      console.error(`Job ${job.id} cannot succeed: ${error.message}`);
      await boss.cancel(QUEUE, job.id); // what fails is retried, what is cancelled is not
    }
  });
  const sweeping = setInterval(() => service.sweep({ staleAfterMs }).catch(console.error), sweepEveryMs);
  return async () => {
    clearInterval(sweeping);
    stopping.abort();
    await boss.offWork(QUEUE);
  };
}
