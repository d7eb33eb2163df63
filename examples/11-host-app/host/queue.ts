import PgBoss from 'pg-boss';
import type { BackfillQueue, BackfillService } from 'process-metadata-backfill';
import { createInProcessQueue } from 'process-metadata-backfill/memory';
import type { Sql } from '../../2-embedded-postgres/sql.js';
import { createPgBossQueue, startPgBossWorker } from '../../4-pg-boss/pg-boss-queue.js';
import type { DatabasePlace } from './open-database.js';

export interface HostQueue {
  readonly queue: BackfillQueue<Sql>;
  /** Whether a job can be part of a transaction of the host. */
  readonly transactional: boolean;
  /** Starts the worker. @returns a function that lets it finish its batch and hand over. */
  work(service: Pick<BackfillService, 'handle' | 'sweep'>): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** pg-boss beside a PostgreSQL server, and otherwise a queue in this process. */
export async function openQueue(place: DatabasePlace): Promise<HostQueue> {
  return 'url' in place ? openPgBoss(place.url, `${place.schema}_jobs`) : inProcess();
}

async function openPgBoss(connectionString: string, schema: string): Promise<HostQueue> {
  const boss = new PgBoss({ connectionString, schema, schedule: false });
  boss.on('error', (error) => console.error(error.message));
  await boss.start();
  return {
    queue: await createPgBossQueue(boss),
    transactional: true,
    work: (service) => startPgBossWorker(boss, service, { sweepEveryMs: 5_000, staleAfterMs: 5_000 }),
    close: () => boss.stop({ graceful: false }),
  };
}

function inProcess(): HostQueue {
  const queue = createInProcessQueue();
  return {
    queue,
    transactional: false,
    async work(service) {
      queue.work((payload, { signal }) => service.handle(payload, { signal }));
      const sweeping = setInterval(
        () => service.sweep({ staleAfterMs: 5_000 }).catch((error) => console.error(error)),
        5_000,
      );
      return async () => {
        clearInterval(sweeping);
        await queue.stop();
      };
    },
    close: async () => {},
  };
}

export interface KillableWorker {
  readonly queue: BackfillQueue<Sql>;
  /** The handler, which ends without a continuation when it is killed. */
  guarded(handle: Handle): Handle;
  /** The job that runs now is lost, as if its process had been killed. Only a sweep finds that. */
  kill(): Promise<void>;
}

type Handle = BackfillService['handle'];

/** For the demonstration only: a worker whose job can be lost. */
export function killable(inner: BackfillQueue<Sql>): KillableWorker {
  let killing = new AbortController();
  const running = new Set<Promise<unknown>>();
  return {
    queue: {
      ...inner,
      async enqueue(job, options) {
        if (!killing.signal.aborted) await inner.enqueue(job, options);
      },
    },
    guarded: (handle) => async (payload, options) => {
      const signals = [killing.signal, ...(options?.signal ? [options.signal] : [])];
      const job = handle(payload, { ...options, signal: AbortSignal.any(signals) });
      running.add(job);
      return job.finally(() => running.delete(job));
    },
    async kill() {
      killing.abort(new Error('The worker was killed.'));
      await Promise.allSettled(running);
      killing = new AbortController();
    },
  };
}
