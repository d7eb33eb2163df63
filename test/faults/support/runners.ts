import { Queue } from 'bullmq';
import { runMigrations } from 'graphile-worker';
import { Redis } from 'ioredis';
import type { Pool } from 'pg';
import PgBoss from 'pg-boss';
import type { Sql, SqlDatabase } from '../../../examples/1-embedded-postgres/sql.js';
import { createPgBossQueue, startPgBossWorker } from '../../../examples/3-pg-boss/pg-boss-queue.js';
import { createBullmqQueue, startBullmqWorker } from '../../../examples/4-bullmq/bullmq-queue.js';
import {
  createGraphileWorkerQueue,
  startGraphileWorker,
} from '../../../examples/5-graphile-worker/graphile-worker-queue.js';
import type { BackfillQueue, BackfillService } from '../../../src/index.js';

/** One of the example runners, with jobs of its own. */
export interface Runner {
  readonly queue: BackfillQueue<Sql>;
  /** @returns what ends it. */
  work(
    service: Pick<BackfillService, 'handle' | 'sweep'>,
    sweeping: { readonly sweepEveryMs: number; readonly staleAfterMs: number },
  ): Promise<() => Promise<void>>;
  close(): Promise<void>;
  /** Leaves no job, where dropping the schema `<name>_jobs` does not do it. */
  clear(): Promise<void>;
}

export type RunnerName = 'pg-boss' | 'bullmq' | 'graphile-worker';

interface RunnerPlace {
  /** Of the host's schema. */
  readonly name: string;
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly pool: Pool;
  readonly database: SqlDatabase;
}

/** `null`: a queue that must not be used. */
export async function openRunner(runner: RunnerName | null, place: RunnerPlace): Promise<Runner> {
  return runner === null ? NO_RUNNER : RUNNERS[runner](place);
}

const RUNNERS = { 'pg-boss': pgBoss, bullmq, 'graphile-worker': graphileWorker };

const NO_RUNNER: Runner = {
  queue: { enqueue: async ({ key }) => Promise.reject(new Error(`there is no queue for the job ${key}`)) },
  work: async () => async () => {},
  close: async () => {},
  clear: async () => {},
};

async function pgBoss({ name, postgresUrl }: RunnerPlace): Promise<Runner> {
  const boss = new PgBoss({
    connectionString: postgresUrl,
    schema: `${name}_jobs`,
    application_name: name,
    schedule: false,
    max: 3,
  });
  boss.on('error', (error) => console.error(error.message));
  await boss.start();
  return {
    queue: await createPgBossQueue(boss),
    work: (service, sweeping) => startPgBossWorker(boss, service, sweeping),
    close: () => boss.stop(),
    clear: async () => {},
  };
}

/** Its check for stalled jobs, every 30 s by default, is as frequent as the sweep: both are to meet. */
const STALLED = { lockDuration: 2000, stalledInterval: 1000, maxStalledCount: 1000 };

async function bullmq({ name, redisUrl }: RunnerPlace): Promise<Runner> {
  const redis = new Redis(redisUrl);
  const workerRedis = new Redis(redisUrl, { maxRetriesPerRequest: null });
  for (const connection of [redis, workerRedis])
    connection.on('error', (error) => console.error(error.message));
  const queue = new Queue(QUEUE, { connection: redis, prefix: name });
  queue.on('error', (error) => console.error(error.message));
  return {
    queue: createBullmqQueue(queue),
    work: async (service, sweeping) =>
      startBullmqWorker(QUEUE, service, { connection: workerRedis, prefix: name, ...STALLED }, sweeping),
    async close() {
      await queue.close();
      await Promise.all([redis.quit(), workerRedis.quit()]);
    },
    clear: () => queue.obliterate({ force: true }),
  };
}

const QUEUE = 'backfill_metadata';

async function graphileWorker({ name, pool, database }: RunnerPlace): Promise<Runner> {
  const schema = `${name}_jobs`;
  await runMigrations({ pgPool: pool, schema });
  return {
    queue: createGraphileWorkerQueue(database, schema),
    work: (service, sweeping) =>
      startGraphileWorker(service, { pgPool: pool, schema, noHandleSignals: true }, sweeping),
    close: async () => {},
    clear: async () => {},
  };
}
