import { randomBytes } from 'node:crypto';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { queueConformance } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll } from 'vitest';
import { createBullmqQueue, startBullmqWorker } from '../../examples/5-bullmq/bullmq-queue.js';
import { describeWith } from '../support/servers.js';
import { conformanceOf } from './fixtures/conformance-of.js';
import { PATIENCE_MS } from './fixtures/in-process-fixture.js';
import { serviceOf } from './fixtures/service-of.js';

const NAME = 'backfill_metadata';

describeWith(['Redis'], 'the queue of example 5, on BullMQ', ({ Redis: url }) => {
  const prefix = `conformance_${randomBytes(6).toString('hex')}`;
  let workerRedis: Redis;
  beforeAll(() => {
    workerRedis = new Redis(url, { maxRetriesPerRequest: null });
  });
  afterAll(async () => {
    const queue = new Queue(NAME, { connection: workerRedis, prefix });
    await queue.obliterate({ force: true });
    await queue.close();
    await workerRedis?.quit();
  });

  const cases = queueConformance(async () => {
    const redis = new Redis(url);
    const queue = new Queue(NAME, { connection: redis, prefix });
    queue.on('error', () => {}); // after `disconnect`
    await queue.waitUntilReady();
    return {
      patienceMs: PATIENCE_MS,
      queue: createBullmqQueue(queue),
      startWorker: (handler) =>
        startBullmqWorker(NAME, serviceOf(handler), { connection: workerRedis, prefix }),
      disconnect: async () => redis.disconnect(),
      async close() {
        await queue.close();
        redis.disconnect();
      },
    };
  });
  conformanceOf(cases, ['transactions']);
});
