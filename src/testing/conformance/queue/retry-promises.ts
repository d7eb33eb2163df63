import { setTimeout } from 'node:timers/promises';
import { InvalidInputError } from '../../../errors.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, fixtureError, notOffered } from '../expectations.js';
import type { TestedQueue } from './tested-queue.js';

/** What becomes of a job whose handler has rejected. */
export const retryPromises: readonly PromiseOf<TestedQueue>[] = [
  {
    name: 'worker: receives a job again after its handler rejected, at least three times',
    advice:
      'let the runner try a failed job again at least 10 times, with growing pauses. By default, many runners give up after the first or third attempt.',
    async check(host) {
      let attempts = 0;
      await host.work(async () => {
        attempts += 1;
        if (attempts <= 3) throw new Error(`attempt ${attempts} fails in the conformance case`);
      });
      await host.fixture.queue.enqueue(host.job(1));

      for (const failures of [1, 2, 3])
        await host.until(`the job is delivered again after failure ${failures}`, () => attempts > failures);
    },
  },
  {
    name: 'worker: does not receive a job again and again whose error says `retryable: false`',
    advice:
      'if `isBackfillError(error) && !error.retryable`, let the job fail for good, or log the error and acknowledge the job. Do not put it back.',
    async check(host) {
      const deliveries = [0, 0, 0];
      const times = (step: number) => deliveries[step] ?? 0;
      await host.work(async ({ step }) => {
        deliveries[step] = times(step) + 1;
        if (step === 1) throw new InvalidInputError('no delivery of this job can succeed');
        if (times(step) <= 3) throw new Error('this attempt fails in the conformance case');
      });
      await host.fixture.queue.enqueue(host.job(1));
      await host.fixture.queue.enqueue(host.job(2));

      await host.until('the job is delivered', () => times(1) > 0);
      // Job 2 shows how long the runner takes for three retries. Whether it makes them is for another case.
      await host.until('job 2 was retried', () => times(1) > 2 || times(2) > 3).catch(() => {});
      await setTimeout(200);
      expectEqual(`whether it was delivered at most twice (it was ${times(1)} times)`, times(1) <= 2, true);
    },
  },
  {
    name: 'enqueue: delivers a job again that has failed for good',
    advice:
      'let a job lose its key when it has failed for good, or remove it before you add the new one. In BullMQ, use `deduplication: { id: job.key }` in place of `jobId`.',
    async check(host) {
      let deliveries = 0;
      const stop = await host.work(async () => {
        deliveries += 1;
        throw new InvalidInputError('this job fails for good in the conformance case');
      });
      await host.fixture.queue.enqueue(host.job(1));
      await host.until('the job is delivered', () => deliveries > 0);
      await stop();

      const delivered = await host.collect();
      await host.fixture.queue.enqueue(host.job(1));
      await host.until('the job is delivered again', () => delivered.length > 0);
    },
  },
  {
    name: 'enqueue: delivers a job again that has failed in all of its attempts',
    capability: 'attempts',
    advice:
      'let a job lose its key when its last attempt has failed, too. In Graphile Worker, do not use the job_key_mode `unsafe_dedupe`.',
    async check(host) {
      const { attempts, queue } = host.fixture;
      if (attempts === undefined) notOffered('the fixture has no `attempts`');
      if (!Number.isInteger(attempts) || attempts < 1)
        throw fixtureError('attempts', `expected a whole number from 1 on, got ${attempts}`);
      let deliveries = 0;
      const stop = await host.work(async () => {
        deliveries += 1;
        throw new Error(`attempt ${deliveries} fails in the conformance case`);
      });
      await queue.enqueue(host.job(1));
      for (let attempt = 1; attempt <= attempts; attempt += 1)
        await host.until(
          `attempt ${attempt} of the ${attempts} \`attempts\` is made`,
          () => deliveries >= attempt,
        );
      await stop();

      const delivered = await host.collect();
      await setTimeout(NO_MORE_MS);
      if (delivered.length > 0) throw fixtureError('attempts', `a job has more than ${attempts}`);
      // The runner may take its time to notice that the last attempt has failed.
      const enqueuing = setInterval(() => void queue.enqueue(host.job(1)).catch(() => {}), 200);
      try {
        await host.until('the job is delivered again', () => delivered.length > 0);
      } finally {
        clearInterval(enqueuing);
      }
    },
  },
];

/** Time for one attempt too many. The fixture makes retries fast. */
const NO_MORE_MS = 1000;
