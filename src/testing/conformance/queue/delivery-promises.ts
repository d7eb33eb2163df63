import { setTimeout } from 'node:timers/promises';
import type { JobPayload } from '../../../ports/queue.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered } from '../expectations.js';
import type { TestedQueue } from './tested-queue.js';

/** That a job which was enqueued is delivered. */
export const deliveryPromises: readonly PromiseOf<TestedQueue>[] = [
  {
    name: 'enqueue: delivers the payload as it was given',
    mend: 'hand `job.payload` to the runner as JSON, and give the worker just that.',
    async check(host) {
      const delivered = await collect(host);
      const job = host.job(7);
      await host.fixture.queue.enqueue(job);

      await host.until('the job is delivered', () => delivered.length > 0);
      expectEqual('the payload', delivered[0], job.payload);
    },
  },
  {
    name: 'enqueue: delivers every one of several jobs',
    mend: 'use `job.key` to tell jobs apart, and nothing coarser such as the name or the run.',
    async check(host) {
      const delivered = await collect(host);
      const steps = Array.from({ length: 8 }, (_, step) => step);
      await Promise.all(steps.map((step) => host.fixture.queue.enqueue(host.job(step))));

      const missing = () => steps.filter((step) => !delivered.some((payload) => payload.step === step));
      await host.until('all jobs are delivered', () => missing().length === 0);
    },
  },
  {
    name: 'enqueue: takes the same job again, before and after it was delivered',
    mend: 'drop a job whose key the runner knows, or deliver it again; do not reject.',
    async check(host) {
      const { queue } = host.fixture;
      await Promise.all([queue.enqueue(host.job(1)), queue.enqueue(host.job(1))]);
      const delivered = await collect(host);
      await host.until('the job is delivered', () => delivered.length > 0);
      await queue.enqueue(host.job(1));
      await queue.enqueue(host.job(2));
      await host.until('the next job is delivered', () => delivered.some(({ step }) => step === 2));

      const times = delivered.filter(({ step }) => step === 1).length;
      expectEqual('whether it was delivered once an enqueue at most', times <= 3, true);
    },
  },
  {
    name: 'enqueue: takes every key of the form [A-Za-z0-9_-]{1,200}, and tells keys apart that differ in case',
    mend: 'if the runner takes other names only, derive one by a hash of the key; shorten none.',
    async check(host) {
      const delivered = await collect(host);
      const [{ key }, alphabet] = [host.job(0), 'abcdefghijklmnopqrstuvwxyz'];
      const long = `${key}-${alphabet.toUpperCase()}_${'x'.repeat(200)}`.slice(0, 199);
      const keys = [`${long}y`, `${long}z`, `${long}Z`, `${key}-a`, `${key}-A`, `-${key}`, `_${key}-`];
      for (const [step, odd] of keys.entries()) {
        await host.fixture.queue.enqueue(host.job(step, { key: odd }));
      }

      const missing = () => keys.filter((_, step) => !delivered.some((payload) => payload.step === step));
      await host.until(`the jobs are delivered of ${keys.join(', ')}`, () => missing().length === 0);
    },
  },
  {
    name: 'enqueue: delivers a job with `startAfter` not before, but then',
    mend: 'turn the Date into what the runner takes (a delay in ms, a time stamp with its zone), and leave it out where it is absent.',
    async check(host) {
      const arrivals = new Map<number, number>();
      await host.work(async ({ step }) => arrivals.set(step, arrivals.get(step) ?? Date.now()));
      const startAfter = new Date(Date.now() + 1500);
      await host.fixture.queue.enqueue(host.job(1), { startAfter });
      await host.fixture.queue.enqueue(host.job(2), { startAfter: new Date(Date.now() - 60_000) });
      await host.fixture.queue.enqueue(host.job(3), { startAfter: undefined });

      await host.until('all three jobs are delivered', () => arrivals.size === 3);
      const earlyMs = startAfter.getTime() - (arrivals.get(1) ?? 0);
      // A runner may round, and have another clock.
      expectEqual(`whether it was early, by ${earlyMs} ms`, earlyMs > 500, false);
    },
  },
  {
    name: 'enqueue: rejects when the job could not be handed over',
    capability: 'disconnect',
    mend: 'await what the runner answers, and do not swallow its errors; the library tries again.',
    async check(host) {
      if (host.fixture.disconnect === undefined) notOffered('the fixture has no disconnect');
      await host.fixture.disconnect?.();

      const enqueuing = host.fixture.queue.enqueue(host.job(1));
      const [settled] = await host.inTime('enqueue has settled', Promise.allSettled([enqueuing]));
      expectEqual('what became of it', settled.status, 'rejected');
    },
  },
  {
    name: 'transactions: a job enqueued inside one that rolls back is never delivered',
    capability: 'transactions',
    mend: 'insert the job by `options.transaction`.',
    async check(host) {
      const transaction = transactionsOf(host);
      const delivered = await collect(host);
      let isEnqueued = false;

      await transaction(async (handle) => {
        await host.fixture.queue.enqueue(host.job(1), { transaction: handle });
        isEnqueued = true;
        throw new Error('the host rolls back');
      }).catch((error: unknown) => {
        if (!isEnqueued) throw error; // not ours
      });
      await host.fixture.queue.enqueue(host.job(2));
      await host.until('a later job is delivered', () => delivered.length > 0);
      await setTimeout(200);

      expectEqual('the steps that were delivered', [...new Set(delivered.map(({ step }) => step))], [2]);
    },
  },
  {
    name: 'transactions: a job enqueued inside one that commits is delivered',
    capability: 'transactions',
    mend: 'insert the job by `options.transaction`, and wake no worker before that has committed.',
    async check(host) {
      const transaction = transactionsOf(host);
      const delivered = await collect(host);

      await transaction((handle) => host.fixture.queue.enqueue(host.job(1), { transaction: handle }));
      await host.until('the job is delivered', () => delivered.length > 0);
    },
  },
];

async function collect(host: TestedQueue): Promise<readonly JobPayload[]> {
  const delivered: JobPayload[] = [];
  await host.work(async (payload) => delivered.push(payload));
  return delivered;
}

function transactionsOf({ fixture }: TestedQueue) {
  if (fixture.queue.transactional !== true) notOffered('the queue does not say `transactional: true`');
  if (fixture.transaction === undefined) {
    throw new Error('The queue says `transactional: true`, so its fixture needs a `transaction`.');
  }
  return fixture.transaction.bind(fixture);
}
