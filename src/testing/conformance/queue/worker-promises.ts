import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { createMemoryRepository } from '../../../memory/create-memory-repository.js';
import type { JobPayload } from '../../../ports/queue.js';
import { systemRuntime } from '../../../run/context/system-runtime.js';
import { createBackfillService } from '../../../service/create-backfill-service.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered } from '../expectations.js';
import type { TestedQueue } from './tested-queue.js';

/** A lock below this is noticed in any case. */
const SHORT_LOCK_MS = 3000;

/** What a worker must do with its jobs. */
export const workerPromises: readonly PromiseOf<TestedQueue>[] = [
  {
    name: 'worker: receives jobs that were enqueued while no worker ran',
    advice: 'keep jobs until a worker takes them.',
    async check(host) {
      await host.fixture.queue.enqueue(host.job(1));
      const delivered: number[] = [];
      const handle = async ({ step }: JobPayload) => delivered.push(step);
      const stop = await host.work(handle);
      await host.until('the first job is delivered', () => delivered.includes(1));

      await stop();
      await host.fixture.queue.enqueue(host.job(2));
      await host.work(handle);
      await host.until('the job that was enqueued between two workers is delivered', () =>
        delivered.includes(2),
      );
    },
  },
  {
    name: 'worker: does not receive a job again while it runs',
    capability: 'heartbeat',
    advice:
      'make the lock of a running job longer than `sliceMs` and one batch, or let heartbeats extend it until `service.handle` has settled.',
    async check(host) {
      const { lockMs } = host.fixture;
      const runsMs = Math.max(SHORT_LOCK_MS, Number.isFinite(lockMs) ? 1.5 * Number(lockMs) : 0);
      const delivered: number[] = [];
      const times = (step: number) => delivered.filter((one) => one === step).length;
      await host.work(async ({ step }, { signal }) => {
        delivered.push(step);
        if (step === 1 && times(1) === 1) await setTimeout(runsMs, undefined, { signal });
      });
      await host.fixture.queue.enqueue(host.job(1));
      await host.until('the job is delivered', () => times(1) > 0);
      await setTimeout(runsMs);

      // A worker that runs one job at a time gets the same job again before this one.
      await host.fixture.queue.enqueue(host.job(2));
      await host.until('the next job is delivered', () => times(2) > 0);
      await setTimeout(200);
      expectEqual(`how often a job that ran for ${runsMs} ms was delivered`, times(1), 1);
      if (lockMs === undefined)
        notOffered(`the fixture has no lockMs, so only a lock below ${runsMs} ms was looked for`);
    },
  },
  {
    name: 'worker: when it is killed, lets the runner deliver its job again',
    capability: 'killWorker',
    advice:
      'acknowledge a job only after `service.handle` has resolved, not when the worker takes it. Let the runner notice a worker that has died.',
    async check(host) {
      if (host.fixture.killWorker === undefined) notOffered('the fixture has no killWorker');
      let isTaken = false;
      await host.work(() => {
        isTaken = true;
        return new Promise(() => {});
      });
      await host.fixture.queue.enqueue(host.job(1));
      await host.until('the job is delivered', () => isTaken);
      await host.kill();

      let isDelivered = false;
      await host.work(async () => {
        isDelivered = true;
      });
      await host.until('the job is delivered to another worker', () => isDelivered);
    },
  },
  {
    name: 'worker: when it stops, aborts the signal of the running job and waits for that job',
    capability: 'signal',
    advice:
      'pass a signal of your own to `service.handle`. To stop the worker, first abort that signal, then close the runner and wait for the job.',
    async check(host) {
      const { stop, isSettled } = await interrupted(host);

      await stop();
      expectEqual('whether the job has settled once the worker has stopped', isSettled(), true);
    },
  },
  {
    name: 'worker: when it stops, lets the runner deliver the running job again',
    capability: 'signal',
    advice:
      'acknowledge a job only after `service.handle` has resolved, not when the worker takes it. A job that rejects must fail.',
    async check(host) {
      const { stop } = await interrupted(host);
      await stop();

      let isDelivered = false;
      await host.work(async () => {
        isDelivered = true;
      });
      await host.until('the job is delivered again', () => isDelivered);
    },
  },
  {
    name: 'worker: when it stops, lets the running job enqueue another one',
    capability: 'signal',
    advice:
      'close the queue only after the worker has stopped. After an abort, `service.handle` still enqueues the job that goes on.',
    async check(host) {
      const { stop } = await interrupted(host, () => host.fixture.queue.enqueue(host.job(2)));
      await stop();

      let isDelivered = false;
      await host.work(async ({ step }) => {
        if (step === 2) isDelivered = true;
      });
      await host.until('the job that was enqueued after the abort is delivered', () => isDelivered);
    },
  },
  {
    name: 'service: a run of several jobs passes through the queue and completes',
    advice:
      'see the other cases first. If they pass, check the options of the worker: it must be able to enqueue a job while it handles another one.',
    async check(host) {
      const processModelId = 'conformance/model';
      const tasks = [{ state: 'COMPLETED', data: { city: 'Oslo' } }];
      const instances = Array.from({ length: 20 }, (_, id) => ({ id, processModelId, tasks }));
      let clockReads = 0;
      const service = createBackfillService({
        repository: createMemoryRepository({ instances }),
        queue: host.fixture.queue,
        batchSize: 5,
        sliceMs: 10,
        // A clock that runs ahead, so that every batch uses up its slice.
        runtime: { ...systemRuntime, now: () => Date.now() + 20 * ++clockReads },
      });
      const request = await service.request({ processModelId, paths: [{ key: 'city', path: 'city' }] });
      if (request.status !== 'triggered') throw new Error('the request was skipped');
      const { runId } = request;

      let deliveries = 0;
      await host.work(async (payload, { signal }) => {
        deliveries += 1;
        await service.handle(payload, { signal });
      }, runId);
      await host.until(
        'the run is completed',
        async () => (await service.status(runId)).state === 'completed',
      );

      const { processed, total } = await service.status(runId);
      expectEqual('the instances that were processed', { processed, total }, { processed: 20, total: 20 });
      expectEqual('whether each batch took a job of its own', deliveries >= 4, true);
    },
  },
];

/** Starts a job that ends only when its signal is aborted, and 50 ms later. It rejects unless `atLast` does something else. */
async function interrupted(host: TestedQueue, atLast?: () => Promise<void>) {
  const jobs: { hasSignal: boolean; isSettled: boolean }[] = [];
  const stop = await host.work(async ({ step }, { signal }) => {
    const job = { hasSignal: signal !== undefined, isSettled: false };
    jobs.push(job);
    if (signal === undefined) return;
    if (!signal.aborted) await once(signal, 'abort');
    await setTimeout(50);
    if (step === 1 && atLast !== undefined) return atLast();
    job.isSettled = true;
    throw signal.reason;
  });
  await host.fixture.queue.enqueue(host.job(1));
  await host.until('the job is delivered', () => jobs.length > 0);
  if (!jobs[0]?.hasSignal) notOffered('the worker passes no signal to its handler');
  return { stop, isSettled: () => jobs.every((job) => job.isSettled) };
}
