import { setTimeout } from 'node:timers/promises';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered } from '../expectations.js';
import type { TestedQueue } from './tested-queue.js';

/** Every job that was enqueued is delivered. */
export const deliveryPromises: readonly PromiseOf<TestedQueue>[] = [
  {
    name: 'enqueue: delivers the payload unchanged',
    advice: 'give `job.payload` to the runner as JSON, and pass the same JSON to `service.handle`.',
    async check(host) {
      const delivered = await host.collect();
      const { payload } = host.job(7);
      const job = host.job(7, { payload: { ...payload, shard: 3 } });
      await host.fixture.queue.enqueue(job);

      await host.until('the job is delivered', () => delivered.length > 0);
      expectEqual('the payload', delivered[0], job.payload);
    },
  },
  {
    name: 'enqueue: delivers every one of several jobs',
    advice: 'identify jobs by `job.key`. Many jobs have the same name or the same run.',
    async check(host) {
      const delivered = await host.collect();
      const steps = Array.from({ length: 8 }, (_, step) => step);
      await Promise.all(steps.map((step) => host.fixture.queue.enqueue(host.job(step))));

      const missing = () => steps.filter((step) => !delivered.some((payload) => payload.step === step));
      await host.until('all jobs are delivered', () => missing().length === 0);
    },
  },
  {
    name: 'enqueue: accepts the same job again, before and after its delivery',
    advice: 'if the runner already knows the key, drop the job or deliver it again. Do not reject.',
    async check(host) {
      const { queue } = host.fixture;
      await Promise.all([queue.enqueue(host.job(1)), queue.enqueue(host.job(1))]);
      const delivered = await host.collect();
      await host.until('the job is delivered', () => delivered.length > 0);
      await queue.enqueue(host.job(1));
      await queue.enqueue(host.job(2));
      await host.until('the next job is delivered', () => delivered.some(({ step }) => step === 2));

      const times = delivered.filter(({ step }) => step === 1).length;
      expectEqual('whether it was delivered at most once per enqueue', times <= 3, true);
    },
  },
  {
    name: 'enqueue: accepts every key of the form [A-Za-z0-9_-]{1,200}, and distinguishes keys that differ only in case',
    advice: 'if the runner does not accept such names, make one from a hash of the key. Never shorten a key.',
    async check(host) {
      const delivered = await host.collect();
      const [{ key }, alphabet] = [host.job(0), 'abcdefghijklmnopqrstuvwxyz'];
      const long = `${key}-${alphabet.toUpperCase()}_${'x'.repeat(200)}`.slice(0, 199);
      const keys = [`${long}y`, `${long}z`, `${long}Z`, `${key}-a`, `${key}-A`, `-${key}`, `_${key}-`];
      for (const [step, odd] of keys.entries()) {
        await host.fixture.queue.enqueue(host.job(step, { key: odd }));
      }

      const missing = () => keys.filter((_, step) => !delivered.some((payload) => payload.step === step));
      await host.until(`these jobs are delivered: ${keys.join(', ')}`, () => missing().length === 0);
    },
  },
  {
    name: 'enqueue: rejects when the runner did not get the job',
    capability: 'disconnect',
    advice: 'await the answer of the runner, and do not catch its errors. The library tries again.',
    async check(host) {
      if (host.fixture.disconnect === undefined) notOffered('the fixture has no disconnect');
      await host.fixture.disconnect?.();

      const enqueuing = host.fixture.queue.enqueue(host.job(1));
      const [settled] = await host.inTime('enqueue has settled', Promise.allSettled([enqueuing]));
      expectEqual('the outcome of enqueue', settled.status, 'rejected');
    },
  },
  {
    name: 'transactions: a job enqueued in a transaction that rolls back is never delivered',
    capability: 'transactions',
    advice: 'insert the job through `options.transaction`.',
    async check(host) {
      const transaction = transactionsOf(host);
      const delivered = await host.collect();
      let isEnqueued = false;

      await transaction(async (handle) => {
        await host.fixture.queue.enqueue(host.job(1), { transaction: handle });
        isEnqueued = true;
        throw new Error('the host rolls back');
      }).catch((error: unknown) => {
        if (!isEnqueued) throw error; // another error than the one above
      });
      await host.fixture.queue.enqueue(host.job(2));
      await host.until('a later job is delivered', () => delivered.length > 0);
      await setTimeout(200);

      expectEqual('the steps that were delivered', [...new Set(delivered.map(({ step }) => step))], [2]);
    },
  },
  {
    name: 'transactions: a job enqueued in a transaction that commits is delivered',
    capability: 'transactions',
    advice:
      'insert the job through `options.transaction`. Do not wake a worker before that transaction has committed.',
    async check(host) {
      const transaction = transactionsOf(host);
      const delivered = await host.collect();

      await transaction((handle) => host.fixture.queue.enqueue(host.job(1), { transaction: handle }));
      await host.until('the job is delivered', () => delivered.length > 0);
    },
  },
];

function transactionsOf({ fixture }: TestedQueue) {
  if (fixture.queue.transactional !== true) notOffered('the queue does not say `transactional: true`');
  if (fixture.transaction === undefined) {
    throw new Error('The queue says `transactional: true`, so its fixture needs a `transaction`.');
  }
  return fixture.transaction.bind(fixture);
}
