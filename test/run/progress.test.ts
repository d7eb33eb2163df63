import { describe, expect, test } from 'vitest';
import { type BackfillProgress, createBackfillService, runBackfill } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { recentRate } from '../../src/run/record/recent-rate.js';
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

  test('does not count the time that a run was throttled', async () => {
    const seen: BackfillProgress[] = [];
    const pauses = [null, null, { reason: 'by day', retryAfterMs: 3_600_000 }];
    await runBackfill({
      ...timedRun(50, () => 1),
      throttle: () => pauses.shift() ?? null,
      onProgress: (progress) => seen.push(progress),
    });

    expect(seen.find(({ visited }) => visited === 40)?.ratePerSecond).toBeCloseTo(10);
  });

  test('shows in the status, and is 0 once nothing was committed for a minute', async () => {
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
    await runtime.sleep(61_000);
    expect(await service.status(runId)).toMatchObject({ processed: 20, ratePerSecond: 0, etaMs: null });
  });
});

test.each([
  [null, 10, 1000, 10],
  [10, 10, 1000, 10],
  [100, 0, 0, 100],
  [100, 0, 1_000_000, 0],
])('a rate of %s moves with %i instances in %i ms to about %i', (before, count, elapsedMs, after) => {
  expect(recentRate(before, count, elapsedMs)).toBeCloseTo(after, 0);
});
