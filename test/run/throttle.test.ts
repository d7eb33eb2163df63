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
    [{ retryAfterMs: 'soon' } as never, 'throttle: expected null or { reason, retryAfterMs }'],
  ])('that fails or answers nonsense holds back as well', async (answer, reason) => {
    const runtime = testRuntime();
    const waiting: unknown[] = [];

    await run({
      runtime,
      throttle: answers(answer),
      onProgress: (seen: BackfillProgress) => waiting.push(seen.waiting),
    });

    expect(runtime.slept).toEqual([5000]);
    expect(waiting).toContainEqual({ for: 'throttle', reason });
  });

  test('that hangs does not keep a worker from being shut down', async () => {
    const controller = new AbortController();
    const throttle = () => {
      setTimeout(() => controller.abort('shut down'));
      return new Promise<null>(() => {});
    };

    await expect(run({ throttle, signal: controller.signal })).rejects.toBe('shut down');
  });
});

describe('a long hold on a queue', () => {
  function setUp(throttle: () => Promise<ThrottleAnswer | null>) {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const jobs: (BackfillJob & { startAfter?: Date | undefined })[] = [];
    const queue = {
      enqueue: async (job: BackfillJob, options?: { startAfter?: Date | undefined }) =>
        void jobs.push({ ...job, startAfter: options?.startAfter }),
    };
    const runtime = testRuntime();
    const service = createBackfillService({ repository: memory, queue, runtime, throttle, batchSize: 10 });
    return { jobs, runtime, service };
  }

  test('waits in the queue, shows in the status, and no sweep misses the job', async () => {
    const { jobs, runtime, service } = setUp(
      answers(null, { reason: 'only at night', retryAfterMs: 8 * 60 * MINUTE }),
    );
    const { runId } = (await service.request({ processModelId: MODEL, paths: PATHS })) as { runId: string };

    expect(await service.handle(jobs[0]?.payload)).toMatchObject({ state: 'continued', processed: 10 });
    const until = runtime.now() + 8 * 60 * MINUTE;
    expect(jobs[1]).toMatchObject({ startAfter: new Date(until), payload: { step: 1 } });
    expect((await service.status(runId)).waiting).toEqual({ reason: 'only at night', until });
    await runtime.sleep(60 * MINUTE);
    expect((await service.sweep({ staleAfterMs: MINUTE })).enqueued).toEqual([]);

    await runtime.sleep(8 * 60 * MINUTE);
    expect((await service.status(runId)).waiting).toBeNull();
    expect(await service.handle(jobs[1]?.payload)).toMatchObject({ state: 'completed', processed: 30 });
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

  test.each([0, -1, Number.NaN, '5'])('refuses %s', async (maxInstancesPerSecond) => {
    await expect(run({ maxInstancesPerSecond })).rejects.toThrow(
      'maxInstancesPerSecond: expected a number above 0',
    );
  });
});
