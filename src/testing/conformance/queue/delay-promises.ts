import { setTimeout } from 'node:timers/promises';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered } from '../expectations.js';
import type { TestedQueue } from './tested-queue.js';

/** Long enough to tell a job that comes too early, also on a busy machine. */
const SHORT_MS = 2500;
/** More than 2^32 ms. */
const FAR_MS = 60 * 86_400_000;
/** How long a case watches for a job that must not come. */
const WATCH_MS = 5000;

/** When a job with `startAfter` is delivered. */
export const delayPromises: readonly PromiseOf<TestedQueue>[] = [
  {
    name: 'enqueue: delivers a job with `startAfter` after that time, and not before it',
    advice:
      'convert the Date to what the runner takes (a delay in ms, a timestamp with its time zone). Leave the option out if there is no Date.',
    async check(host) {
      const arrivals = new Map<number, number>();
      await host.work(async ({ step }) => arrivals.set(step, arrivals.get(step) ?? Date.now()));
      const { longestDelayMs = SHORT_MS } = host.fixture;
      const startAfter = new Date(Date.now() + Math.min(SHORT_MS, longestDelayMs));
      await host.fixture.queue.enqueue(host.job(1), { startAfter });
      await host.fixture.queue.enqueue(host.job(2), { startAfter: new Date(Date.now() - 60_000) });
      await host.fixture.queue.enqueue(host.job(3), { startAfter: undefined });

      await host.until('all three jobs are delivered', () => arrivals.size === 3);
      const earlyMs = startAfter.getTime() - (arrivals.get(1) ?? 0);
      // A runner may round the time, and its clock may differ.
      expectEqual(`whether job 1 came too early (by ${earlyMs} ms)`, earlyMs > 500, false);
    },
  },
  {
    name: 'enqueue: delivers a job with a short delay although one with a long delay was enqueued before it',
    advice:
      'do not let jobs with different delays wait in one line. In RabbitMQ, a message expires only at the head of its queue: use a queue for each length of delay.',
    async check(host) {
      const delivered = await host.collect();
      await host.fixture.queue.enqueue(host.job(1), { startAfter: new Date(Date.now() + FAR_MS) });
      await host.fixture.queue.enqueue(host.job(2), { startAfter: new Date(Date.now() + 1000) });

      await host.until('the job with the short delay is delivered', () =>
        delivered.some(({ step }) => step === 2),
      );
    },
  },
  {
    name: 'enqueue: accepts a job with `startAfter` in 60 days, and keeps it back',
    capability: 'long delays',
    advice:
      'if a delay is too long for the runner, shorten it to the longest that it keeps, and say so in the fixture (`longestDelayMs`).',
    async check(host) {
      const { queue, longestDelayMs = Number.POSITIVE_INFINITY } = host.fixture;
      const delivered = await host.collect();
      await queue.enqueue(host.job(1), { startAfter: new Date(Date.now() + FAR_MS) });
      if (longestDelayMs < FAR_MS) {
        if (longestDelayMs < host.patienceMs)
          await host.until('the job is delivered after the longest delay', () => delivered.length > 0);
        notOffered(
          `the runner keeps a job for ${longestDelayMs} ms at most, and the library makes up for it`,
        );
      }

      await queue.enqueue(host.job(2));
      await host.until('the job without a delay is delivered', () =>
        delivered.some(({ step }) => step === 2),
      );
      await setTimeout(WATCH_MS);
      expectEqual('the steps that were delivered', [...new Set(delivered.map(({ step }) => step))], [2]);
    },
  },
];
