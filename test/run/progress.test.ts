import { describe, expect, test } from 'vitest';
import { type BackfillProgress, createBackfillService, runBackfill } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

/** A run whose batches of 10 take as long as `secondsOf` says, on the clock of the test. */
function timedRun(count: number, secondsOf: (batch: number) => number) {
  const runtime = testRuntime();
  let batches = 0;
  const repository = intercept(
    createMemoryRepository({ instances: invoices(count) }),
    async ({ method, argument, proceed }) => {
      const isBatch = method === 'commit' && (argument as { instances: unknown[] }).instances.length > 0;
      if (isBatch) batches += 1;
      if (isBatch) await runtime.sleep(1000 * secondsOf(batches));
      return proceed();
    },
  );
  return { repository, processModelId: MODEL, paths: PATHS, runtime, batchSize: 10 };
}

describe('the rate', () => {
  test('of steady batches is theirs, and the time to go follows from it', async () => {
    const seen: BackfillProgress[] = [];
    await runBackfill({ ...timedRun(100, () => 2), onProgress: (progress) => seen.push(progress) });

    expect(seen[0]).toMatchObject({ visited: 0, ratePerSecond: 0, etaMs: null });
    const half = seen.find(({ visited }) => visited === 50);
    expect(half?.ratePerSecond).toBeCloseTo(5);
    expect(half?.etaMs).toBe(10_000);
    expect(seen.at(-1)).toMatchObject({ state: 'completed', visited: 100, ratePerSecond: 0, etaMs: null });
  });

  test('follows a run that has become slow, instead of the average since its start', async () => {
    const seen: BackfillProgress[] = [];
    const options = timedRun(200, (batch) => (batch <= 10 ? 0.1 : 20));
    await runBackfill({ ...options, onProgress: (progress) => seen.push(progress) });

    const late = seen.find(({ visited }) => visited === 150);
    expect(late?.ratePerSecond).toBeLessThan(1);
    expect(late?.ratePerSecond).toBeGreaterThanOrEqual(0.5);
  });

  test('does not count an hour for which a run was held', async () => {
    const seen: BackfillProgress[] = [];
    const pauses = [null, null, { reason: 'by day', retryAfterMs: 3_600_000 }];
    await runBackfill({
      ...timedRun(50, () => 1),
      throttle: () => pauses.shift() ?? null,
      onProgress: (progress) => seen.push(progress),
    });

    expect(seen.find(({ visited }) => visited === 40)?.ratePerSecond).toBeCloseTo(10);
  });

  test.each([900_000, 3_600_000])('does not count %i ms without a worker', async (gapMs) => {
    const { repository, runtime, paths } = timedRun(1000, () => 1);
    const jobs: unknown[] = [];
    const queue = { enqueue: async (job: { readonly payload: unknown }) => void jobs.push(job.payload) };
    const service = createBackfillService({ repository, queue, runtime, batchSize: 10, sliceMs: 20_000 });
    const { runId } = (await service.request({ processModelId: MODEL, paths })) as { runId: string };
    const rates: number[] = [];
    for (let turn = 1; jobs.length > 0; turn += 1) {
      if (turn === 2) await runtime.sleep(gapMs);
      await service.handle(jobs.shift());
      rates.push((await service.status(runId)).ratePerSecond);
    }

    for (const rate of rates.slice(0, -1)) expect(rate).toBeCloseTo(10, 0);
    expect(rates.length).toBeGreaterThan(4);
  });

  test('counts what other shards do while one is held', async () => {
    const { runtime, ...run } = timedRun(2000, () => 1);
    let asked = 0;
    const jobs: unknown[] = [];
    const seen: { readonly visited: number; readonly rate: number }[] = [];
    const service = createBackfillService({
      repository: run.repository,
      queue: { enqueue: async (job: { readonly payload: unknown }) => void jobs.push(job.payload) },
      runtime,
      batchSize: 10,
      sliceMs: 5_000,
      // The second job is held for long, while the others go on.
      throttle: () => {
        asked += 1;
        return asked === 8 ? { reason: 'lag', retryAfterMs: 120_000 } : null;
      },
    });
    const requested = await service.request({ processModelId: MODEL, paths: PATHS, shards: 2 });
    if (requested.status === 'skipped') throw new Error(requested.reason);

    for (let turn = 0; jobs.length > 0 && turn < 1000; turn += 1) {
      await service.handle(jobs.shift());
      const { processed, ratePerSecond } = await service.status(requested.runId);
      seen.push({ visited: processed, rate: ratePerSecond });
    }

    const later = seen.filter(({ visited }) => visited >= 200 && visited < 2000);
    expect(later.length).toBeGreaterThan(10);
    expect(Math.max(...later.map(({ rate }) => rate))).toBeLessThanOrEqual(20);
    expect(Math.min(...later.map(({ rate }) => rate))).toBeGreaterThanOrEqual(5);
  });

  test('shows in the status, and is 0 once its worker seems to be dead', async () => {
    const { repository, runtime, ...options } = timedRun(50, () => 1);
    const queue = { enqueue: async () => {} };
    const service = createBackfillService({ repository, queue, runtime, batchSize: 10, sliceMs: 1500 });
    const request = await service.request({ processModelId: MODEL, paths: options.paths });
    const { runId } = request as { runId: string };
    await service.handle({ runId, shard: 0, step: 0 });

    expect(await service.status(runId)).toMatchObject({ processed: 20, etaMs: 3000 });
    await service.pause(runId);
    expect(await service.status(runId)).toMatchObject({ state: 'paused', ratePerSecond: 0, etaMs: null });
    await service.resume(runId);
    const { lastProgressAt } = await service.status(runId);
    expect(lastProgressAt).toBeGreaterThan(Date.UTC(2026, 0, 1));
    await runtime.sleep(12_000);
    expect(await service.status(runId)).toMatchObject({
      processed: 20,
      ratePerSecond: 0,
      etaMs: null,
      lastProgressAt,
    });
  });
});

describe('the time left', () => {
  test.each([
    { shards: 8, workers: 1, sliceMs: 1_000_000 },
    { shards: 8, workers: 1, sliceMs: 30_000 },
    { shards: 8, workers: 1, sliceMs: 5_000 },
    { shards: 3, workers: 1, sliceMs: 30_000 },
  ])(
    'is right within a factor of two where $workers worker walks $shards shards, in slices of $sliceMs ms',
    async ({ shards, sliceMs }) => {
      const count = 1600;
      const { runtime, ...run } = timedRun(count, () => 1);
      const jobs: unknown[] = [];
      let runId: string | null = null;
      const seen: { readonly at: number; readonly visited: number; readonly etaMs: number | null }[] = [];
      const service = createBackfillService({
        repository: intercept(run.repository, async ({ method, proceed }) => {
          const answer = await proceed();
          if (method !== 'commit' || runId === null) return answer;
          const { processed, failed, gone, etaMs } = await service.status(runId);
          seen.push({ at: runtime.now(), visited: processed + failed + gone, etaMs });
          return answer;
        }),
        queue: { enqueue: async (job: { readonly payload: unknown }) => void jobs.push(job.payload) },
        runtime,
        batchSize: 10,
        sliceMs,
      });
      const requested = await service.request({ processModelId: MODEL, paths: PATHS, shards });
      if (requested.status === 'skipped') throw new Error(requested.reason);
      runId = requested.runId;

      while (jobs.length > 0) await service.handle(jobs.shift());

      const end = runtime.now();
      const errors = seen
        .filter(({ visited }) => visited >= count / 10 && visited <= 0.9 * count)
        .map(({ at, etaMs }) => (etaMs ?? Number.POSITIVE_INFINITY) / (end - at));
      expect(errors.length).toBeGreaterThan(50);
      expect(Math.max(...errors)).toBeLessThanOrEqual(2);
      expect(Math.min(...errors)).toBeGreaterThanOrEqual(0.5);
    },
  );

  /** How far each estimate from one tenth of the run on was from what really was left. */
  async function errorsOf(count: number, options: object): Promise<number[]> {
    const runtime = testRuntime();
    const seen: { readonly at: number; readonly progress: BackfillProgress }[] = [];
    const cost = (options as { readonly costMs: (batch: number, size: number) => number }).costMs;
    let batches = 0;
    const repository = intercept(
      createMemoryRepository({ instances: invoices(count) }),
      async ({ method, argument, proceed }) => {
        const size = method === 'commit' ? (argument as { instances: unknown[] }).instances.length : 0;
        if (size > 0) batches += 1;
        if (size > 0) await runtime.sleep(cost(batches, size));
        return proceed();
      },
    );
    const {
      costMs: _,
      throttled,
      holdMs,
      ...tuning
    } = {
      throttled: 0,
      holdMs: 4000,
      ...(options as { throttled?: number; holdMs?: number; costMs: unknown }),
    };
    let asked = 0;
    const throttle = () => {
      asked += 1;
      return throttled > 0 && asked % throttled === 0 ? { reason: 'lag', retryAfterMs: holdMs } : null;
    };
    await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      runtime,
      throttle,
      onProgress: (progress) => seen.push({ at: runtime.now(), progress }),
      ...tuning,
    });
    const end = runtime.now();
    return seen
      .filter(({ progress }) => progress.visited >= count / 10 && progress.visited <= 0.9 * count)
      .map(({ at, progress }) => (progress.etaMs ?? Number.POSITIVE_INFINITY) / (end - at));
  }

  test.each([
    ['constant', 1000, { batchSize: 10, costMs: () => 1000 }],
    ['a slow start', 1000, { batchSize: 10, costMs: (batch: number) => (batch <= 3 ? 20_000 : 500) }],
    ['adaptive', 5000, { batchSize: {}, costMs: (_: number, size: number) => 50 + size / 4 }],
    ['throttled', 1000, { batchSize: 10, costMs: () => 500, throttled: 3 }],
    ['limited', 1000, { batchSize: 100, costMs: () => 10, maxInstancesPerSecond: 10 }],
    ['limited, by adaptive batches', 1000, { batchSize: {}, costMs: () => 10, maxInstancesPerSecond: 10 }],
    [
      'one batch every ninety seconds',
      3000,
      { batchSize: 100, costMs: () => 200, throttled: 2, holdMs: 90_000 },
    ],
    ['two shards', 1000, { batchSize: 10, costMs: () => 1000, shards: 2 }],
  ])('is right within a factor of two: %s', async (_, count, options) => {
    const errors = await errorsOf(count, options);

    expect(errors.length).toBeGreaterThan(2);
    expect(Math.max(...errors)).toBeLessThanOrEqual(2);
    expect(Math.min(...errors)).toBeGreaterThanOrEqual(0.5);
  });
});
