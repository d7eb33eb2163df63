import { type Job, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { MODEL, pathsOf } from '../scenario.js';
import type { Candidate } from './candidate.js';
import { fillInstance } from './instance-by-instance.js';

const CONCURRENCY = 10;
const QUEUE = 'instances';

/** A job an instance, ten at a time, each in a transaction of its own. */
export const bullmq: Candidate = {
  name: 'a BullMQ job an instance',
  most: 1000,
  async open({ sql, connection }, scenario) {
    const redis = connection === null ? null : await connect();
    if (redis === null || connection === null) return null;
    const options = { connection: redis, prefix: connection.application_name };
    const queue = new Queue(QUEUE, options);
    const paths = pathsOf(scenario);
    const perform = ({ data: id }: Job<number>) =>
      sql.transaction((transaction) => fillInstance(transaction, id, paths));
    return {
      async run(instances) {
        const all = await sql.query<{ id: number }>(SELECT_ALL, [MODEL, instances]);
        const worker = new Worker(QUEUE, perform, { ...options, concurrency: CONCURRENCY });
        let left = all.length;
        const done = new Promise<void>((resolve, reject) => {
          worker.on('completed', () => {
            left -= 1;
            if (left === 0) resolve();
          });
          worker.on('failed', (_, error) => reject(error));
        });
        const once = { removeOnComplete: true };
        await queue.addBulk(all.map(({ id }) => ({ name: 'fill', data: id, opts: once })));
        await done;
        await worker.close();
      },
      async close() {
        await queue.obliterate({ force: true });
        await queue.close();
        redis.disconnect();
      },
    };
  },
};

const SELECT_ALL = 'select id from process_instance where process_model_identifier = $1 order by id limit $2';

async function connect(): Promise<Redis | null> {
  const url = process.env.REDIS_URL || 'redis://127.0.0.1:6379';
  const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => null, lazyConnect: true });
  redis.on('error', () => {});
  return redis.connect().then(
    () => redis,
    () => null,
  );
}
