import { randomBytes } from 'node:crypto';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBullmqQueue, startBullmqWorker } from '../../examples/5-bullmq/bullmq-queue.js';
import { createBackfillService, InvalidInputError } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { eventually } from '../faults/support/eventually.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { describeWith } from '../support/servers.js';

const NAME = 'backfill_metadata';

describeWith(['Redis'], 'on BullMQ, a run whose first job has failed for good', ({ Redis: url }) => {
  const prefix = `test_${randomBytes(6).toString('hex')}`;
  let redis: Redis;
  let queue: Queue;
  beforeAll(() => {
    redis = new Redis(url, { maxRetriesPerRequest: null });
    queue = new Queue(NAME, { connection: redis, prefix });
  });
  afterAll(async () => {
    await queue.obliterate({ force: true });
    await queue.close();
    await redis.quit();
  });

  test('gets another job from an equal request, although the runner keeps the key of the first one', async () => {
    const repository = createMemoryRepository({ instances: invoices(30) });
    const service = createBackfillService({ repository, queue: createBullmqQueue(queue) });
    const { runId } = (await service.request({ processModelId: MODEL, paths: PATHS })) as { runId: string };
    const broken = {
      handle: () => Promise.reject(new InvalidInputError('this worker is configured wrongly')),
      sweep: service.sweep,
    };
    const stopBroken = startBullmqWorker(NAME, broken, { connection: redis, prefix });
    await eventually(async () => (await queue.getFailedCount()) === 1);
    await stopBroken();

    const joined = await service.request({ processModelId: MODEL, paths: PATHS });
    expect(joined).toMatchObject({ runId, created: false, state: 'pending', startAfter: null });
    const stop = startBullmqWorker(NAME, service, { connection: redis, prefix });
    await eventually(async () => (await service.status(runId)).state === 'completed');
    await stop();
    expect(await queue.getFailedCount()).toBe(1);
  });
});
