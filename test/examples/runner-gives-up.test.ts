import { randomBytes } from 'node:crypto';
import { Queue } from 'bullmq';
import { runMigrations } from 'graphile-worker';
import { Redis } from 'ioredis';
import pg from 'pg';
import PgBoss from 'pg-boss';
import { expect, test } from 'vitest';
import { createPgBossQueue, startPgBossWorker } from '../../examples/4-pg-boss/pg-boss-queue.js';
import { createBullmqQueue, startBullmqWorker } from '../../examples/5-bullmq/bullmq-queue.js';
import {
  createGraphileWorkerQueue,
  startGraphileWorker,
} from '../../examples/6-graphile-worker/graphile-worker-queue.js';
import {
  connectRabbitmq,
  createRabbitmqQueue,
  startRabbitmqWorker,
} from '../../examples/7-rabbitmq/rabbitmq-queue.js';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';
import {
  type BackfillQueue,
  type BackfillService,
  createBackfillService,
  InvalidInputError,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { eventually } from '../faults/support/eventually.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { createOwnDatabase } from '../support/own-database.js';
import { deleteRabbitmqQueues } from '../support/rabbitmq-queues.js';
import { serverUrl } from '../support/server-urls.js';
import { describeWith } from '../support/servers.js';

interface Runner {
  readonly queue: BackfillQueue;
  startWorker(service: Pick<BackfillService, 'handle' | 'sweep'>): Promise<() => Promise<void>>;
  /** Whether no job waits or runs any more. */
  isIdle(): Promise<boolean>;
  close(): Promise<void>;
}

async function openBullmq(name: string): Promise<Runner> {
  const redis = new Redis(serverUrl('Redis'), { maxRetriesPerRequest: null });
  const at = { connection: redis, prefix: name };
  const queue = new Queue(name, at);
  return {
    queue: createBullmqQueue(queue),
    startWorker: async (service) => startBullmqWorker(name, service, at),
    isIdle: async () => (await queue.getJobCountByTypes('waiting', 'active', 'delayed')) === 0,
    async close() {
      await queue.obliterate({ force: true });
      await queue.close();
      await redis.quit();
    },
  };
}

async function openPgBoss(name: string): Promise<Runner> {
  const pool = openPool();
  const boss = new PgBoss({ connectionString: serverUrl('PostgreSQL'), schema: name, schedule: false });
  boss.on('error', (error) => console.error(error.message));
  await boss.start();
  return {
    queue: await createPgBossQueue(boss),
    startWorker: (service) => startPgBossWorker(boss, service),
    isIdle: async () => await isEmpty(pool, `${name}.job where state in ('created', 'retry', 'active')`),
    async close() {
      await boss.stop();
      await dropSchema(pool, name);
    },
  };
}

async function openGraphile(name: string): Promise<Runner> {
  const own = await createOwnDatabase(serverUrl('PostgreSQL'));
  const pool = openPool(own.url);
  await runMigrations({ pgPool: pool, schema: name });
  return {
    queue: createGraphileWorkerQueue(pgDatabase(pool), name),
    startWorker: (service) =>
      startGraphileWorker(service, { pgPool: pool, schema: name, noHandleSignals: true }),
    isIdle: () => isEmpty(pool, `${name}.jobs`),
    async close() {
      await pool.end();
      await own.drop();
    },
  };
}

async function openRabbitmq(name: string): Promise<Runner> {
  const connection = await connectRabbitmq(serverUrl('RabbitMQ'));
  return {
    queue: createRabbitmqQueue(connection, name),
    startWorker: async (service) => startRabbitmqWorker(connection, name, service),
    async isIdle() {
      const channel = await connection.createChannel();
      channel.on('error', () => {}); // there is no such queue yet
      const failed = await channel.checkQueue(`${name}.failed`).catch(() => null);
      if (failed !== null) await channel.close();
      return failed?.messageCount === 1;
    },
    async close() {
      await connection.close();
      await deleteRabbitmqQueues(serverUrl('RabbitMQ'), name);
    },
  };
}

function openPool(connectionString = serverUrl('PostgreSQL')): pg.Pool {
  const pool = new pg.Pool({ connectionString });
  pool.on('error', (error) => console.error(error.message));
  return pool;
}

async function isEmpty(pool: pg.Pool, source: string): Promise<boolean> {
  const { rows } = await pool.query(`select 1 from ${source} limit 1`);
  return rows.length === 0;
}

async function dropSchema(pool: pg.Pool, name: string): Promise<void> {
  await pool.query(`set client_min_messages = warning; drop schema if exists ${name} cascade`);
  await pool.end();
}

describeWith(['PostgreSQL', 'Redis', 'RabbitMQ'], 'a run whose first job the runner has given up', () => {
  test.each([
    ['BullMQ', openBullmq],
    ['pg-boss', openPgBoss],
    ['Graphile Worker', openGraphile],
    ['RabbitMQ', openRabbitmq],
  ])('gets another job from an equal request: %s', async (_, open) => {
    const runner = await open(`test_${randomBytes(6).toString('hex')}`);
    try {
      const repository = createMemoryRepository({ instances: invoices(30) });
      const service = createBackfillService({ repository, queue: runner.queue });
      const { runId } = (await service.request({ processModelId: MODEL, paths: PATHS })) as { runId: string };
      const broken = {
        handle: () => Promise.reject(new InvalidInputError('this worker is configured wrongly')),
        sweep: service.sweep,
      };
      const stopBroken = await runner.startWorker(broken);
      await eventually(() => runner.isIdle());
      await stopBroken();
      expect(await service.status(runId)).toMatchObject({ state: 'pending' });

      const joined = await service.request({ processModelId: MODEL, paths: PATHS });
      expect(joined).toMatchObject({ runId, created: false, state: 'pending', startAfter: null });
      const stop = await runner.startWorker(service);
      await eventually(async () => (await service.status(runId)).state === 'completed');
      await stop();
    } finally {
      await runner.close();
    }
  });
});
