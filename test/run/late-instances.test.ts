import { describe, expect, test } from 'vitest';
import {
  type BackfillJob,
  type BackfillRepository,
  createBackfillService,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const OPEN_MS = 5_000;

/** A repository in memory. `openFor`: how long a transaction is open that inserts an instance. `null`: nobody knows. */
function setUp({ openFor = OPEN_MS as number | null, count = 30 } = {}) {
  const memory = createMemoryRepository({ instances: invoices(count) });
  const runtime = testRuntime();
  const begunAt = runtime.now();
  const asked: (string | null)[] = [];
  const counted: number[] = [];
  let isInserted = false;
  let marks = 0;

  function commitTransaction(): boolean {
    const isOpen = openFor !== null && runtime.now() < begunAt + openFor;
    if (isOpen || isInserted || openFor === null) return !isOpen;
    isInserted = true;
    memory.insertInstance(instance(count + 1, { invoice: { number: 'late' } }));
    return true;
  }

  const watched = intercept(memory, async ({ method, proceed }) => {
    commitTransaction();
    if (method === 'surveyInstances') counted.push(runtime.now() - begunAt);
    return proceed();
  });
  const { settled: _, ...unknowing } = watched;
  const repository: BackfillRepository =
    openFor === null
      ? unknowing
      : {
          ...unknowing,
          async settled(mark) {
            asked.push(mark);
            if (mark === null) marks += 1;
            return { mark: mark ?? `mark ${marks}`, settled: commitTransaction() };
          },
        };
  const jobs: BackfillJob[] = [];
  const queue = { enqueue: async (job: BackfillJob) => void jobs.push(job) };
  return { memory, runtime, repository, asked, counted, queue, jobs, count };
}

const what = { processModelId: MODEL, paths: PATHS };

describe('an instance whose insert commits late', () => {
  test('is filled: the walk is frozen once its transaction has ended', async () => {
    const { memory, runtime, repository, asked, counted } = setUp();

    const report = await runBackfill({ repository, runtime, ...what });

    expect(report).toMatchObject({ state: 'completed', total: 31, processed: 31, updated: 31, warnings: [] });
    expect(memory.metadata(31)).toEqual({ invoice_number: 'late' });
    expect(counted).toHaveLength(1);
    expect(counted[0]).toBeGreaterThanOrEqual(OPEN_MS);
    expect(counted[0]).toBeLessThan(1.3 * OPEN_MS);
    expect(asked.length).toBeLessThan(40);
    expect(new Set(asked)).toEqual(new Set([null, 'mark 1']));
  });

  test('is filled by a second walk when its transaction takes longer than settleMs', async () => {
    const { memory, runtime, repository, asked, counted } = setUp();

    const report = await runBackfill({ repository, runtime, ...what, settleMs: 3_000 });

    expect(report).toMatchObject({ state: 'completed', total: 31, processed: 31, updated: 31, warnings: [] });
    expect(report.keys).toMatchObject({ invoice_number: { written: 31, kept: 0 } });
    expect(memory.metadata(31)).toEqual({ invoice_number: 'late' });
    expect(counted).toHaveLength(2);
    expect(counted[0]).toBe(3_000);
    expect(new Set(asked)).toEqual(new Set([null, 'mark 1']));
  });

  test('is not waited for without end: a run makes one more walk, and warns', async () => {
    const { runtime, repository, counted } = setUp({ openFor: 1_000_000 });

    const report = await runBackfill({ repository, runtime, ...what, settleMs: 0 });

    expect(report).toMatchObject({ state: 'completed', total: 30, processed: 30, updated: 30 });
    expect(report.keys).toMatchObject({ invoice_number: { written: 30, kept: 0 } });
    expect(report.warnings).toEqual([
      expect.stringMatching(/^Transactions that were open when the last walk began did not end in time/),
    ]);
    expect(counted).toEqual([0, 0]);
  });

  test.each([
    ['limit', { limit: 10 }],
    ['instanceIds', { instanceIds: [1, 2, 3] }],
    ['dryRun', { dryRun: true }],
  ])('is not waited for with %s, which makes one walk', async (_, options) => {
    const { runtime, repository, asked, counted } = setUp();

    const report = await runBackfill({ repository, runtime, ...what, ...options });

    expect(report).toMatchObject({ state: 'completed', warnings: [] });
    expect(asked).toEqual([]);
    expect(counted).toEqual([0]);
  });

  test('is waited for in the queue where that takes long', async () => {
    const { memory, runtime, repository, queue, jobs, counted } = setUp({ openFor: 100_000 });
    const service = createBackfillService({ repository, queue, runtime, settleMs: 200_000, sliceMs: 10_000 });
    await service.request(what);

    const begunAt = runtime.now();
    const first = await service.handle(jobs[0]?.payload);
    expect(first).toMatchObject({ state: 'continued', total: 0 });
    expect(runtime.now() - begunAt).toBeLessThanOrEqual(10_000); // no longer than its slice
    const status = await service.status(first.runId);
    expect(status).toMatchObject({ state: 'pending', waiting: { for: 'settled' } });
    expect(await service.sweep({ staleAfterMs: 1_000 })).toMatchObject({ enqueued: [] });
    let report = first;
    for (let next = 1; next < jobs.length; next += 1) {
      await runtime.sleep(
        Math.max(0, ((await service.status(first.runId)).waiting?.until ?? 0) - runtime.now()),
      );
      report = await service.handle(jobs[next]?.payload);
    }

    expect(report).toMatchObject({ state: 'completed', total: 31, updated: 31 });
    expect(memory.metadata(31)).toEqual({ invoice_number: 'late' });
    expect(counted).toHaveLength(1);
    expect(jobs.length).toBeGreaterThan(2);
    expect(jobs.length).toBeLessThan(15);
  });

  test('is waited for again, under a new mark, when an equal request joins meanwhile', async () => {
    const { runtime, repository, queue, jobs, asked } = setUp({ openFor: 100 });
    const { settled } = repository;
    const joining: BackfillRepository = {
      ...repository,
      async settled(mark) {
        if (mark === null && asked.length === 0)
          expect(await service.request(what)).toMatchObject({ created: false, covered: true });
        return (await settled?.(mark)) ?? { mark: '', settled: true };
      },
    };
    const service = createBackfillService({ repository: joining, queue, runtime });
    await service.request(what);

    expect(await service.handle(jobs[0]?.payload)).toMatchObject({ state: 'continued', total: 31 });
    expect(await service.handle(jobs[1]?.payload)).toMatchObject({ state: 'completed', total: 31 });

    expect(asked.filter((mark) => mark === null)).toHaveLength(2);
  });
});

describe('where nobody knows whether transactions are open', () => {
  test('a run that fills walks once more, and reports as if it had walked once', async () => {
    const { memory, runtime, repository, counted, queue, jobs } = setUp({ openFor: null });
    const service = createBackfillService({ repository, queue, runtime, shards: 2 });
    await service.request(what);
    const slow = intercept(repository, async ({ method, proceed }) => {
      const answer = await proceed();
      if (method === 'readInstances' && memory.metadata(31) === undefined)
        memory.insertInstance(instance(31, { invoice: { number: 'late' } }));
      return answer;
    });
    const worker = createBackfillService({ repository: slow, queue, runtime });

    const states: string[] = [];
    for (let next = 0; next < jobs.length; next += 1)
      states.push((await worker.handle(jobs[next]?.payload)).state);

    expect(states).toEqual(['continued', 'continued', 'continued', 'completed']);
    expect(jobs.map(({ payload }) => `${payload.shard}:${payload.step}`)).toEqual([
      '0:0',
      '1:0',
      '0:1',
      '1:1',
    ]);
    const [run] = await service.list();
    expect(await service.status(run?.runId ?? '')).toMatchObject({
      total: 31,
      processed: 31,
      updated: 31,
      keys: { invoice_number: { written: 31, kept: 0 } },
      warnings: [],
    });
    expect(counted.length).toBeGreaterThan(1);
  });

  test('a run that overwrites makes one walk, and warns', async () => {
    const { runtime, repository, counted } = setUp({ openFor: null });

    const report = await runBackfill({ repository, runtime, ...what, mode: 'overwrite' });

    expect(report.warnings).toEqual([expect.stringMatching(/the repository has no `settled`/)]);
    expect(counted).toEqual([0]);
  });

  test('an instance that is deleted between two walks does not count', async () => {
    const { memory, runtime, repository, counted } = setUp({ openFor: null });
    const deleting = intercept(repository, async ({ method, proceed }) => {
      if (method === 'surveyInstances' && counted.length === 1) memory.deleteInstance(3);
      return proceed();
    });

    const report = await runBackfill({ repository: deleting, runtime, ...what });

    expect(report).toMatchObject({ total: 29, processed: 29, gone: 0, updated: 30 });
    expect(report.keys).toMatchObject({ invoice_number: { written: 29, kept: 0 } });
  });
});

describe('settled', () => {
  test.each([
    ['expected { mark, settled }', { settled: true }],
    ['expected { mark, settled }', null],
    ['mark: expected the one that was given', { mark: 'another', settled: false }],
  ])('may not answer nonsense: %s', async (problem, answer) => {
    const { repository, runtime } = setUp();
    const broken = {
      ...repository,
      settled: async (mark: string | null) => (mark === null ? { mark: 'one', settled: false } : answer),
    } as BackfillRepository;

    await expect(runBackfill({ repository: broken, runtime, ...what })).rejects.toMatchObject({
      code: 'REPOSITORY_CONTRACT',
      message: expect.stringContaining(`settled: ${problem}`),
    });
  });
});

describe('a limit', () => {
  test.each([1, 2, 100])(
    'is kept when instances come below its bound, at a batch size of %i',
    async (batchSize) => {
      const memory = createMemoryRepository({ instances: invoices(6) });
      const odd: BackfillRepository = {
        ...intercept(memory, async ({ method, proceed }) => {
          const found = await proceed();
          // Only now the second and the fourth instance become visible.
          if (method === 'surveyInstances') isLate = false;
          return found;
        }),
      };
      let isLate = true;
      const repository = intercept(odd, async ({ method, proceed }) => {
        const found = await proceed();
        return method === 'surveyInstances' && isLate === false ? { total: 3, upTo: 6 } : found;
      });
      const seen: string[] = [];

      const report = await runBackfill({
        repository,
        ...what,
        limit: 3,
        batchSize,
        onProgress: ({ visited, total }) => seen.push(`${visited}/${total}`),
      });

      expect(report).toMatchObject({ state: 'completed', total: 3, processed: 3, updated: 3 });
      expect(memory.metadata(4)).toEqual({});
      expect(new Set(seen)).toContain('3/3');
      expect(seen.some((text) => Number(text.split('/')[0]) > 3)).toBe(false);
    },
  );
});
