import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createBackfillService,
  type InstanceSnapshot,
  type RepositoryCommit,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { type BatchSizer, createBatchSizer as createSizer } from '../../src/run/job/batch-size.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const createBatchSizer = (batchSize: Parameters<typeof createSizer>[0]['batchSize']) =>
  createSizer({ batchSize, maxInstancesPerSecond: null, runtime: testRuntime() });

const page = (count: number, bytes = 10): InstanceSnapshot[] =>
  Array.from({ length: count }, (_, index) => ({
    id: index,
    cursor: index,
    data: { form: 'json', text: 'x'.repeat(bytes) },
    stored: new Map(),
  }));

/** One batch from its page to its commit. */
async function settle(sizer: BatchSizer, { count = sizer.size, bytes = 10, tookMs = 0 }): Promise<void> {
  await sizer.see(page(count, bytes));
  sizer.learn({ shown: count, tookMs });
}

describe('an adaptive batch size', () => {
  test('grows by half at most while batches take less than their time, up to its most', async () => {
    const sizer = createBatchSizer({ initial: 100, max: 300, targetMs: 1000 });
    const sizes = [];
    for (let batch = 0; batch < 5; batch += 1) {
      sizes.push(sizer.size);
      await settle(sizer, { tookMs: 10 });
    }

    expect(sizes).toEqual([100, 150, 225, 300, 300]);
  });

  test('grows from one instance, too', async () => {
    const sizer = createBatchSizer({ initial: 1 });
    const sizes = [];
    for (let batch = 0; batch < 5; batch += 1) {
      sizes.push(sizer.size);
      await settle(sizer, { tookMs: 10 });
    }

    expect(sizes).toEqual([1, 2, 3, 4, 6]);
  });

  test('shrinks at once to what fits when a batch takes far too long', async () => {
    const sizer = createBatchSizer({ initial: 400, targetMs: 1000 });
    for (let batch = 0; batch < 5; batch += 1) await settle(sizer, { tookMs: 500 });
    const before = sizer.size;
    await settle(sizer, { tookMs: 10_000 });

    expect(sizer.size).toBe(Math.floor(before / 10));
  });

  test('comes to rest where a batch takes its time', async () => {
    const sizer = createBatchSizer({ initial: 10, max: 10_000, targetMs: 1000 });
    for (let batch = 0; batch < 40; batch += 1) await settle(sizer, { tookMs: 2 * sizer.size });

    expect(sizer.size).toBe(500);
  });

  test('is not led to larger batches by a short page, nor below one instance', async () => {
    const sizer = createBatchSizer({ initial: 100, targetMs: 10 });
    await settle(sizer, { count: 3 });
    expect(sizer.size).toBe(100);
    await settle(sizer, { tookMs: 1_000_000 });
    expect(sizer.size).toBe(1);
  });

  test('is led nowhere by a page that shows few instances or none, among those that it passes over', () => {
    const sizer = createBatchSizer({ initial: 100, targetMs: 1000 });
    for (let batch = 0; batch < 5; batch += 1) {
      sizer.learn({ shown: 0, tookMs: 5000 });
      sizer.learn({ shown: 1, tookMs: 900 });
    }
    expect(sizer.size).toBe(100);
    sizer.learn({ shown: 1, tookMs: 2000 });
    expect(sizer.size).toBe(50);
  });

  test('stays between one and its most, whatever batches are like', async () => {
    await fc.assert(
      fc.asyncProperty(
        // Others are refused.
        fc
          .tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 0, max: 500 }))
          .map(([initial, more]) => ({ initial, max: initial + more })),
        fc.array(fc.record({ count: fc.integer({ min: 1, max: 50 }), tookMs: fc.nat(10_000) })),
        async (options, batches) => {
          const sizer = createBatchSizer(options);
          for (const { count, tookMs } of batches) {
            const before = sizer.size;
            await settle(sizer, { count, tookMs });
            expect(sizer.size).toBeGreaterThanOrEqual(1);
            expect(sizer.size).toBeLessThanOrEqual(Math.min(options.max, Math.max(before + 1, before * 1.5)));
          }
        },
      ),
    );
  });
});

async function times<Result>(count: number, work: () => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  while (results.length < count) results.push(await work());
  return results;
}

describe('the size of a page', () => {
  const SIZES = [
    ['fixed', 2000],
    ['adaptive', { initial: 2000 }],
  ] as const;

  async function pagesOf(
    sizer: ReturnType<typeof createBatchSizer>,
    shown: (limit: number) => number,
    filled = 0,
  ): Promise<number[]> {
    return times(16, async () => {
      const { pageSize } = sizer;
      const snapshots = page(shown(pageSize));
      await sizer.see(snapshots, snapshots.length + filled);
      return pageSize;
    });
  }

  test.each(SIZES)(
    'begins with one, is small for ninety documents, then at most ten times that of the page before: %s',
    async (_, batchSize) => {
      const small = Array.from({ length: 9 }, () => 10);
      expect(await pagesOf(createBatchSizer(batchSize), (limit) => limit)).toEqual([
        1,
        ...small,
        100,
        1000,
        2000,
        2000,
        2000,
        2000,
      ]);
    },
  );

  test('is a leap among filled instances until ninety documents were seen, so that the job commits first', async () => {
    const sizer = createBatchSizer(2000);
    const isLeap = await times(12, async () => {
      const { pageSize } = sizer;
      await sizer.see(page(Math.min(pageSize, 10)), 1000);
      return [pageSize > 10, sizer.isLeap(sizer.pageSize)];
    });
    expect(isLeap.slice(1, 9)).toEqual([[false, true], ...Array.from({ length: 7 }, () => [true, true])]);
    expect(isLeap.slice(10)).toEqual([
      [true, false],
      [true, false],
    ]);
  });

  test('grows sooner among instances without data', async () => {
    const sizer = createBatchSizer(2000);
    const sizes = await times(5, async () => {
      const { pageSize } = sizer;
      await sizer.see(page(pageSize).map((snapshot) => ({ ...snapshot, data: { form: 'none' } })));
      return pageSize;
    });
    expect(sizes).toEqual([1, 10, 100, 1000, 2000]);
  });

  test('grows sooner among filled instances, to a hundred times what was seen', async () => {
    const shown = (limit: number) => Math.min(limit, 10);
    expect((await pagesOf(createBatchSizer(2000), () => 1, 9)).slice(0, 6)).toEqual([
      1, 10, 100, 300, 400, 500,
    ]);
    expect((await pagesOf(createBatchSizer(2000), shown, 90)).slice(0, 5)).toEqual([1, 10, 100, 1000, 2000]);
    expect((await pagesOf(createBatchSizer(2000), shown, 89)).slice(0, 5)).toEqual([1, 10, 10, 10, 10]);
    expect((await pagesOf(createBatchSizer(2000), () => 0, 100)).slice(0, 5)).toEqual([1, 1, 1, 1, 1]);
  });

  test('is what fits at the largest document of all, which is forgotten slowly', async () => {
    const sizer = createBatchSizer({ initial: 100, maxBytes: 100_000 });
    await sizer.see([...page(99, 10), ...page(1, 10_000)]);
    expect(sizer.pageSize).toBe(10);
    await sizer.see([]);
    expect(sizer.pageSize).toBe(10);
    await sizer.see(page(10));
    expect(sizer.pageSize).toBe(11);
    for (let read = 0; read < 50; read += 1) await sizer.see(page(10));
    expect(sizer.pageSize).toBe(100);
  });

  test('is one where a single document is larger than a page may be', async () => {
    const sizer = createBatchSizer({ initial: 100, maxBytes: 1000 });
    await sizer.see(page(1, 10_000));
    expect(sizer.pageSize).toBe(1);
  });
});

test('a number stays what it is', async () => {
  const sizer = createBatchSizer(7);
  await settle(sizer, { bytes: 1_000_000, tookMs: 100_000 });
  expect(sizer.size).toBe(7);
});

test('a run with an adaptive batch size has the same result, in larger and larger batches', async () => {
  const batches: number[] = [];
  const report = await runBackfill({
    repository: createMemoryRepository({ instances: invoices(100) }),
    processModelId: MODEL,
    paths: PATHS,
    batchSize: { initial: 4, max: 50 },
    runtime: testRuntime(),
    onProgress: ({ processed }) => batches.push(processed),
  });

  expect(report).toMatchObject({ state: 'completed', processed: 100, updated: 100 });
  expect([...new Set(batches)]).toEqual([0, 4, 8, 14, 20, 29, 42, 61, 89, 100]);
});

test.each([
  [{ initial: 0 }, 'batchSize'],
  [{ size: 10 }, 'batchSize.size: unknown name; expected one of initial, max, targetMs, maxBytes'],
  [{ targetMS: 10 }, 'batchSize.targetMS: unknown name; did you mean targetMs?'],
])('refuses %o', async (batchSize, message) => {
  const repository = createMemoryRepository();
  await expect(
    runBackfill({ repository, processModelId: MODEL, paths: PATHS, batchSize: batchSize as never }),
  ).rejects.toThrow(message);
});

describe('where large documents follow small ones', async () => {
  /** A page of more bytes than this kills the worker. */
  const MEMORY = 100;

  test.each([
    [undefined, 100],
    [undefined, 130],
    [100, 60],
    [500, 101],
    [2000, 60],
    [2000, 1500],
    [{ initial: 300 }, 150],
  ])(
    'each delivery gets on before its worker dies of a page: batches of %o, %i small documents',
    async (batchSize, small) => {
      const memory = createMemoryRepository({ instances: invoices(small + 40) });
      const killed = new Error('out of memory');
      const deaths: number[] = [];
      let committed = 0;
      const repository = intercept(memory, async ({ method, argument, proceed }) => {
        if (deaths.length > 0 && deaths.at(-1) === -1) throw killed; // the worker is dead
        const { limit = 0, after, upTo } = argument as { limit?: number; after?: unknown; upTo?: unknown };
        const answer = await proceed();
        if (method === 'commit') committed += (argument as RepositoryCommit).instances.length;
        if (method !== 'readInstances' || upTo === undefined || limit === 0) return answer;
        const shown = (answer as readonly InstanceSnapshot[]).map((one) => ({
          ...one,
          bytes: Number(one.id) > small ? 10 * 2 ** 20 : 20,
        }));
        const bytes = shown.reduce((sum, one) => sum + one.bytes, 0);
        if (after !== undefined && bytes > MEMORY * 2 ** 20) {
          deaths.push(committed, -1);
          throw killed;
        }
        return shown;
      });
      const jobs: unknown[] = [];
      const service = createBackfillService({
        repository,
        queue: { enqueue: async (job: { readonly payload: unknown }) => void jobs.push(job.payload) },
        runtime: testRuntime(),
        retry: { attempts: 1 },
        logger: { info() {}, warn() {}, error() {} },
        ...(batchSize === undefined ? {} : { batchSize }),
      });
      await service.request({ processModelId: MODEL, paths: PATHS });
      const [job] = jobs;

      for (
        let delivery = 1;
        delivery <= 20 && (await service.handle(job).catch(() => null)) === null;
        delivery += 1
      )
        if (deaths.at(-1) === -1) deaths.pop(); // the runner delivers the job to another worker

      expect(committed).toBe(small + 40);
      expect(deaths.length).toBeLessThanOrEqual(10);
      expect(new Set(deaths).size).toBe(deaths.length); // none at the same place
    },
  );
});
