import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { createBullmqQueue, startBullmqWorker } from '../../../../examples/5-bullmq/bullmq-queue.js';
import type { Runner, RunnerPlace } from './runner.js';

const QUEUE = 'backfill_metadata';

/** Its check for stalled jobs, every 30 s by default, is as frequent as the sweep: both are to meet. */
const STALLED = { lockDuration: 2000, stalledInterval: 1000, maxStalledCount: 1000 };

export async function openBullmq({ name, redisUrl }: RunnerPlace): Promise<Runner> {
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
    async jobs() {
      const counts = await queue.getJobCounts('waiting', 'active', 'delayed', 'failed');
      return Object.values(counts).reduce((sum, count) => sum + count, 0);
    },
    async close() {
      await queue.close();
      await Promise.all([redis.quit(), workerRedis.quit()]);
    },
    clear: () => queue.obliterate({ force: true }),
  };
}
