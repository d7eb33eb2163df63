import { randomBytes } from 'node:crypto';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { queueConformance } from 'process-metadata-backfill/testing';
import { createBullmqQueue, startBullmqWorker } from '../../examples/5-bullmq/bullmq-queue.js';
import { describeWith } from '../support/servers.js';
import { conformanceOf } from './fixtures/conformance-of.js';
import { PATIENCE_MS } from './fixtures/in-process-fixture.js';
import { serviceOf } from './fixtures/service-of.js';

const NAME = 'backfill_metadata';

/** A busy process renews a lock late, but not by half of this. */
const LOCK_MS = 10_000;
const STALLED_MS = 1000;

describeWith(['Redis'], 'the queue of example 5, on BullMQ', ({ Redis: url }) => {
  const cases = queueConformance(async () => {
    const prefix = `conformance_${randomBytes(6).toString('hex')}`;
    const redis = new Redis(url);
    const queue = new Queue(NAME, { connection: redis, prefix });
    let workerConnections: Redis[] = [];
    queue.on('error', () => {}); // after `disconnect`
    await queue.waitUntilReady();
    return {
      patienceMs: PATIENCE_MS,
      queue: createBullmqQueue(queue),
      lockMs: LOCK_MS + STALLED_MS,
      startWorker(handler) {
        const connection = new Redis(url, { maxRetriesPerRequest: null });
        workerConnections = [connection];
        connection.duplicate = (options) => {
          const other = Redis.prototype.duplicate.call(connection, options);
          workerConnections.push(other);
          return other;
        };
        const stop = startBullmqWorker(NAME, serviceOf(handler), {
          connection,
          prefix,
          lockDuration: LOCK_MS,
          stalledInterval: STALLED_MS,
        });
        return () => stop().finally(() => connection.disconnect());
      },
      async killWorker() {
        for (const connection of workerConnections) connection.disconnect();
      },
      disconnect: async () => redis.disconnect(),
      async close() {
        await queue.close();
        redis.disconnect();
        await obliterate(prefix);
      },
    };
  });
  conformanceOf(cases, ['transactions'], { concurrent: true });

  async function obliterate(prefix: string): Promise<void> {
    const redis = new Redis(url);
    const queue = new Queue(NAME, { connection: redis, prefix });
    await queue.obliterate({ force: true });
    await queue.close();
    await redis.quit();
  }
});
