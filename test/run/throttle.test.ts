import { describe, expect, test } from 'vitest';
import {
  type BackfillJob,
  type BackfillProgress,
  createBackfillService,
  runBackfill,
  type ThrottleAnswer,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';

const MINUTE = 60_000;

/** Answers one after the other, then lets everything go. */
function answers(...list: (ThrottleAnswer | null | Error)[]) {
  return async () => {
    const answer = list.shift() ?? null;
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

const run = (rest: object) =>
  runBackfill({
    repository: createMemoryRepository({ instances: invoices(30) }),
    processModelId: MODEL,
    paths: PATHS,
    batchSize: 10,
    runtime: testRuntime(),
    ...rest,
  });

describe('throttle', () => {
  test('is asked before each batch, and holds it back for as long as it says', async () => {
    const runtime = testRuntime();
    const progress: BackfillProgress[] = [];
    const throttle = answers(null, { reason: 'replica lags', retryAfterMs: 700 }, null, null);

    const report = await run({
      runtime,
      throttle,
      onProgress: (seen: BackfillProgress) => progress.push(seen),
    });

    expect(report).toMatchObject({ state: 'completed', processed: 30 });
    expect(runtime.slept).toEqual([700]);
    expect(progress.filter(({ waiting }) => waiting !== null)).toMatchObject([
      { processed: 10, waiting: { for: 'throttle', reason: 'replica lags' } },
    ]);
  });

  test.each([
    [new Error('no metrics'), 'throttle failed: no metrics'],
    [5 as never, 'throttle: expected null or { reason, retryAfterMs }, got 5'],
    [
      { reason: 'x', retryAfter: 5 } as never,
      'throttle: expected null or { reason, retryAfterMs }, got { reason: "x", retryAfterMs: nothing }',
    ],
  ])(
    'that fails or answers nonsense holds back as well, and the log says so once',
    async (answer, reason) => {
      const runtime = testRuntime();
      const logger = linesLogger();
      const waiting: unknown[] = [];

      await run({
        runtime,
        logger,
        throttle: answers(answer, answer),
        onProgress: (seen: BackfillProgress) => waiting.push(seen.waiting),
      });

      expect(runtime.slept).toEqual([5000, 5000]);
      expect(logger.lines.filter((line) => line.startsWith('warn'))).toEqual([
        expect.stringContaining(
          `]: ${reason}. Batches are held for 5 seconds at a time until throttle returns null`,
        ),
      ]);
      expect(waiting).toContainEqual({ for: 'throttle', reason, until: expect.any(Number) });
    },
  );

  test('that hangs does not keep a worker from being shut down', async () => {
    const controller = new AbortController();
    const throttle = () => {
      setTimeout(() => controller.abort('shut down'));
      return new Promise<null>(() => {});
    };

    await expect(run({ throttle, signal: controller.signal })).rejects.toBe('shut down');
  });
});

test('a slice without a queue ends when the wait is longer than it, and the caller goes on later', async () => {
  const repository = createMemoryRepository({ instances: invoices(30) });
  const runtime = testRuntime();
  const throttle = answers(null, { reason: 'by day', retryAfterMs: 60 * MINUTE });

  const first = await run({ repository, runtime, throttle, sliceMs: 2000 });

  expect(first).toMatchObject({ state: 'continued', processed: 10 });
  expect(runtime.slept).toEqual([]);
  const { runId } = first;
  expect(await runBackfill({ repository, runId, runtime })).toMatchObject({
    state: 'completed',
    processed: 30,
  });
});

describe('a long hold on a queue', () => {
  function setUp(throttle: () => Promise<ThrottleAnswer | null>) {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const jobs: (BackfillJob & { startAfter?: Date | undefined })[] = [];
    let isDown = false;
    const queue = {
      async enqueue(job: BackfillJob, options?: { startAfter?: Date | undefined }) {
        if (isDown) throw new Error('queue is down');
        jobs.push({ ...job, startAfter: options?.startAfter });
      },
    };
    const runtime = testRuntime();
    const service = createBackfillService({ repository: memory, queue, runtime, throttle, batchSize: 10 });
    return { jobs, runtime, service, queueIsDown: (value: boolean) => (isDown = value) };
  }

  test('waits in the queue, shows in the status, and no sweep misses the job', async () => {
    const { jobs, runtime, service } = setUp(
      answers(null, { reason: 'only at night', retryAfterMs: 8 * 60 * MINUTE }),
    );
    const { runId } = (await service.request({ processModelId: MODEL, paths: PATHS })) as { runId: string };

    expect(await service.handle(jobs[0]?.payload)).toMatchObject({ state: 'continued', processed: 10 });
    const until = runtime.now() + 8 * 60 * MINUTE;
    expect(jobs[1]).toMatchObject({ startAfter: new Date(until), payload: { step: 1 } });
    expect((await service.status(runId)).waiting).toEqual({
      for: 'throttle',
      reason: 'only at night',
      until,
    });
    await runtime.sleep(60 * MINUTE);
    expect((await service.sweep({ staleAfterMs: MINUTE })).enqueued).toEqual([]);

    await runtime.sleep(8 * 60 * MINUTE);
    expect((await service.status(runId)).waiting).toBeNull();
    expect(await service.handle(jobs[1]?.payload)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('of many short ones is recorded as well: the run is seen to wait, and to be cancelled', async () => {
    const asked = { times: 0 };
    const { jobs, runtime, service } = setUp(async () => {
      asked.times += 1;
      if (asked.times === 5) expect((await service.status(runId)).waiting?.reason).toBe('busy');
      if (asked.times === 500) await service.cancel(runId);
      if (asked.times % 100 === 0)
        expect((await service.sweep({ staleAfterMs: MINUTE })).enqueued).toEqual([]);
      return { reason: 'busy', retryAfterMs: 700 };
    });
    const { runId } = (await service.request({ processModelId: MODEL, paths: PATHS })) as { runId: string };

    expect(await service.handle(jobs[0]?.payload)).toMatchObject({ state: 'cancelled', processed: 0 });
    expect(asked.times).toBeLessThan(505);
    expect(runtime.slept.length).toBeGreaterThan(400);
  });

  test('gets a job also when the one that was to wait could not be enqueued', async () => {
    const hold = { reason: 'busy', retryAfterMs: 60 * MINUTE };
    const { jobs, runtime, service, queueIsDown } = setUp(answers(hold));
    await service.request({ processModelId: MODEL, paths: PATHS });
    queueIsDown(true);
    await expect(service.handle(jobs[0]?.payload)).rejects.toMatchObject({ retryable: true });
    queueIsDown(false);

    expect(await service.handle(jobs[0]?.payload)).toMatchObject({ state: 'continued' });
    expect(jobs).toHaveLength(2);
    await runtime.sleep(60 * MINUTE);
    expect(await service.handle(jobs[1]?.payload)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('is at most a day, whatever the host says', async () => {
    const { jobs, runtime, service } = setUp(
      answers({ reason: 'never', retryAfterMs: Number.MAX_SAFE_INTEGER }),
    );
    await service.request({ processModelId: MODEL, paths: PATHS });
    await service.handle(jobs[0]?.payload);

    expect(jobs[1]?.startAfter).toEqual(new Date(runtime.now() + 24 * 60 * MINUTE));
  });

  test('has a reason that does not make the record grow', async () => {
    const { jobs, service } = setUp(answers({ reason: 'x'.repeat(100_000), retryAfterMs: 60 * MINUTE }));
    const { runId } = (await service.request({ processModelId: MODEL, paths: PATHS })) as { runId: string };
    await service.handle(jobs[0]?.payload);

    expect((await service.status(runId)).waiting?.reason).toHaveLength(500);
  });

  test('is missed by a sweep once it is over and nobody came', async () => {
    const { jobs, runtime, service } = setUp(answers({ reason: 'busy', retryAfterMs: 60 * MINUTE }));
    await service.request({ processModelId: MODEL, paths: PATHS });
    await service.handle(jobs[0]?.payload);

    await runtime.sleep(62 * MINUTE);
    expect((await service.sweep({ staleAfterMs: MINUTE })).enqueued).toMatchObject([{ shard: 0, step: 2 }]);
    expect(await service.handle(jobs[2]?.payload)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('keeps the start that a request asked for through pause and resume', async () => {
    const { jobs, runtime, service } = setUp(async () => null);
    const startAfter = new Date(runtime.now() + 60 * MINUTE);
    const request = await service.request({ processModelId: MODEL, paths: PATHS, startAfter });
    const { runId } = request as { runId: string };
    expect((await service.status(runId)).waiting).toEqual({
      for: 'startAfter',
      reason: 'startAfter',
      until: startAfter.getTime(),
    });
    await service.pause(runId);
    await service.resume(runId);

    expect(jobs.map((job) => job.startAfter)).toEqual([startAfter, startAfter]);
  });
});

describe('maxInstancesPerSecond', () => {
  test('keeps to the rate on average', async () => {
    const runtime = testRuntime();
    const started = runtime.now();

    await run({ runtime, maxInstancesPerSecond: 5 });

    expect(runtime.now() - started).toBe(6000);
  });

  test('keeps to it in slices, too, and does not count the time of the batches twice', async () => {
    const memory = createMemoryRepository({ instances: invoices(100) });
    const runtime = testRuntime();
    const slow = intercept(memory, async ({ method, proceed }) => {
      if (method === 'commit') await runtime.sleep(5);
      return proceed();
    });
    const jobs: BackfillJob[] = [];
    const queue = { enqueue: async (job: BackfillJob) => void jobs.push(job) };
    const options = { repository: slow, queue, runtime, batchSize: 10, sliceMs: 50 };
    const service = createBackfillService({ ...options, maxInstancesPerSecond: 100 });
    await service.request({ processModelId: MODEL, paths: PATHS });
    const started = runtime.now();
    for (const { payload } of jobs) await service.handle(payload);

    expect(memory.metadata(100)).toEqual({ invoice_number: 'INV-100' });
    expect(jobs.length).toBeGreaterThan(3);
    expect(runtime.now() - started).toBeGreaterThanOrEqual(1000);
    expect(runtime.now() - started).toBeLessThan(1400);
  });

  test.each([0, -1, Number.NaN, '5'])('refuses %s', async (maxInstancesPerSecond) => {
    await expect(run({ maxInstancesPerSecond })).rejects.toThrow(
      'maxInstancesPerSecond: expected a number above 0',
    );
  });
});
