import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { createBackfillService } from 'process-metadata-backfill';
import { command, logger, MODEL, openHost, play, startAfter, updateModel } from '../demo-host/demo-host.js';
import { createBullmqQueue, startBullmqWorker } from './bullmq-queue.js';

const QUEUE = 'backfill_metadata';

const host = await openHost('demo_bullmq');
const redisUrl = process.env.REDIS_URL || 'redis://127.0.0.1:6379';
const redis = new Redis(redisUrl, { maxRetriesPerRequest: 1 }); // a request fails while Redis is down
const workerRedis = new Redis(redisUrl, { maxRetriesPerRequest: null }); // waits for Redis instead of failing
const queue = new Queue(QUEUE, { connection: redis, prefix: host.name });
queue.on('error', console.error);
if (command === 'all' || command === 'clean') await queue.obliterate({ force: true });

const service = createBackfillService({
  repository: host.repository,
  queue: createBullmqQueue(queue),
  batchSize: 10,
  sliceMs: 2000,
  logger,
});

await play(host, {
  service,
  async request() {
    const { before, after } = await host.database.transaction(updateModel);
    return service.request({ processModelId: MODEL, before, after, startAfter });
  },
  work: async () => startBullmqWorker(QUEUE, service, { connection: workerRedis, prefix: host.name }),
});

await queue.close();
await Promise.all([redis.quit(), workerRedis.quit()]);
await host.pool.end();
