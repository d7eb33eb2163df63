import { describe, expect, test } from 'vitest';
import {
  type BackfillJob,
  type BackfillProgress,
  type BackfillRepository,
  createBackfillService,
  type InstanceSnapshot,
  runBackfill,
  type SplitQuery,
} from '../../src/index.js';
import { createInProcessQueue, createMemoryRepository } from '../../src/memory/index.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const backfill = (repository: BackfillRepository, rest: object = {}) =>
  runBackfill({
    repository,
    processModelId: MODEL,
    paths: PATHS,
    runtime: testRuntime(),
    batchSize: 10,
    ...rest,
  });

interface PageCall {
  readonly after: number | null;
  readonly upTo: number;
}

describe('a run in shards', () => {
  test.each([1, 2, 3, 7, 40])('comes to the same as one without: %i', async (shards) => {
    const memory = createMemoryRepository({ instances: invoices(40) });

    const report = await backfill(memory, { shards });

    expect(report).toMatchObject({ state: 'completed', total: 40, processed: 40, updated: 40, gone: 0 });
    expect(report.keys.invoice_number).toMatchObject({ written: 40 });
    for (const id of [1, 20, 40]) expect(memory.metadata(id)).toEqual({ invoice_number: `INV-${id}` });
  });

  test('reads every instance once, in ranges that meet', async () => {
    const starts = new Map<number, number>();
    const ids: number[] = [];
    const repository = intercept(
      createMemoryRepository({ instances: invoices(40) }),
      async ({ method, argument, proceed }) => {
        const answer = await proceed();
        if (method !== 'readInstances') return answer;
        const { after, upTo } = argument as PageCall;
        if (!starts.has(upTo)) starts.set(upTo, after ?? 0);
        ids.push(...(answer as readonly InstanceSnapshot<number>[]).map(({ id }) => id));
        return answer;
      },
    );

    await backfill(repository, { shards: 4 });

    expect([...starts]).toEqual([
      [10, 0],
      [20, 10],
      [30, 20],
      [40, 30],
    ]);
    expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
  });

  test('asks the repository where to split, if it can tell', async () => {
    const asked: unknown[] = [];
    const repository = {
      ...createMemoryRepository({ instances: invoices(40) }),
      async splitInstances({ signal: _, ...query }: SplitQuery) {
        asked.push(query);
        return [5, 30];
      },
    };

    const report = await backfill(repository, { shards: 3 });

    expect(asked).toEqual([
      { processModelId: MODEL, instanceIds: null, after: null, upTo: 40, total: 40, parts: 3 },
    ]);
    expect(report).toMatchObject({ state: 'completed', processed: 40 });
  });

  test.each([
    [[30, 5], 'ascending cursors'],
    [[40], 'ascending cursors below 40'],
    [[1, 2, 3], 'fewer than 3 cursors'],
    ['30', 'a list of cursors'],
  ])('refuses the split %j', async (bounds, message) => {
    const repository = {
      ...createMemoryRepository({ instances: invoices(40) }),
      splitInstances: async () => bounds as number[],
    };

    await expect(backfill(repository, { shards: 3 })).rejects.toMatchObject({
      code: 'REPOSITORY_CONTRACT',
      message: expect.stringContaining(message),
    });
  });

  test('of fewer instances than shards has only as many as it needs, and of none ends at once', async () => {
    const some = createMemoryRepository({ instances: invoices(2) });
    expect(await backfill(some, { shards: 9 })).toMatchObject({ state: 'completed', processed: 2 });
    const [run] = await some.findRuns({
      processModelId: null,
      activeKey: null,
      active: null,
      before: null,
      limit: 1,
    });
    expect(await some.loadRun(run?.runId ?? '')).toHaveLength(3);

    const none = createMemoryRepository();
    expect(await backfill(none, { shards: 9 })).toMatchObject({ state: 'completed', total: 0 });
  });

  test('counts in a dry run, too, and writes nothing', async () => {
    const memory = createMemoryRepository({ instances: invoices(40) });

    expect(await backfill(memory, { shards: 4, dryRun: true })).toMatchObject({
      state: 'completed',
      processed: 40,
      updated: 40,
    });
    expect(memory.metadata(1)).toEqual({});
  });

  test('tells a progress that only grows, of all shards together', async () => {
    const seen: BackfillProgress[] = [];

    await backfill(createMemoryRepository({ instances: invoices(40) }), {
      shards: 4,
      batchSize: 3,
      onProgress: (progress: BackfillProgress) => seen.push(progress),
    });

    const visited = seen.map((progress) => progress.visited);
    expect(visited).toEqual(visited.toSorted((a, b) => a - b));
    expect(visited.at(-1)).toBe(40);
    expect(seen.at(-1)?.state).toBe('completed');
  });

  test('whose one shard fails stops the others, keeps what they committed, and goes on from there', async () => {
    const memory = createMemoryRepository({ instances: invoices(40) });
    const repository = intercept(memory, ({ method, argument, proceed }) => {
      const isBroken = method === 'readInstances' && (argument as PageCall).after === 30;
      if (isBroken) throw databaseError('42P01', 'a table is missing');
      return proceed();
    });

    const error = await backfill(repository, { shards: 4 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'PORT_FAILED', retryable: false });

    const report = await runBackfill({
      repository: memory,
      runId: (error as { runId: string }).runId,
      runtime: testRuntime(),
    });
    expect(report).toMatchObject({ state: 'completed', processed: 40, updated: 40 });
  });

  test('stops at maxFailures of all shards together, each of which may be in the middle of a batch', async () => {
    const broken = { tasks: [{ state: 'COMPLETED', json: '{' }] };
    const instances = invoices(40).map((whole) => ({ ...whole, ...broken }));

    const report = await backfill(createMemoryRepository({ instances }), {
      shards: 4,
      maxFailures: 10,
      batchSize: 1,
    });

    expect(report.state).toBe('failed');
    expect(report.failed).toBeGreaterThan(10);
    expect(report.failed).toBeLessThanOrEqual(10 + 4);
  });
});

describe('a run in shards on a queue', () => {
  test('is a job a shard, completed once, by the last of them', async () => {
    const memory = createMemoryRepository({ instances: invoices(40) });
    const queue = createInProcessQueue({ concurrency: 4 });
    const lines: string[] = [];
    const logger = { info: (line: string) => lines.push(line), warn() {}, error() {} };
    const service = createBackfillService({ repository: memory, queue, shards: 4, batchSize: 5, logger });
    const states: string[] = [];
    queue.work(async (payload, { signal }) => {
      states.push((await service.handle(payload, { signal })).state);
    });

    const request = await service.request({ processModelId: MODEL, paths: PATHS });
    await queue.idle();

    expect(states).toHaveLength(4);
    expect(states).toContain('completed');
    expect(lines.filter((line) => line.includes('Completed metadata backfill'))).toHaveLength(1);
    const { runId } = request as { runId: string };
    expect(await service.status(runId)).toMatchObject({ state: 'completed', processed: 40, updated: 40 });
  });

  test('loses nothing when the jobs of the other shards are lost: a sweep misses them', async () => {
    const { jobs, service, runtime, runId } = await requested(4);
    await service.handle(jobs[0]?.payload);
    expect(jobs).toHaveLength(4);

    await runtime.sleep(120_000);
    const swept = await service.sweep({ staleAfterMs: 60_000 });
    expect(swept.enqueued.map(({ shard, step }) => [shard, step])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    for (const { payload } of jobs.slice(4)) await service.handle(payload);

    expect(await service.status(runId)).toMatchObject({ state: 'completed', processed: 40 });
  });

  test('is given up only when no shard commits any more, not while one waits for a worker', async () => {
    const { jobs, service, runtime, runId } = await requested(2, { batchSize: 1, sliceMs: 1 });
    const handleNewest = (shard: number) =>
      service.handle(jobs.findLast(({ payload }) => payload.shard === shard)?.payload);
    await handleNewest(0);
    for (let round = 0; round < 15; round += 1) {
      await runtime.sleep(2 * 3_600_000);
      await service.sweep({ staleAfterMs: 60_000 });
      await handleNewest(0);
    }

    expect(await service.status(runId)).toMatchObject({ state: 'running', processed: 16 });
    for (let round = 0; round < 25; round += 1) for (const shard of [0, 1]) await handleNewest(shard);
    expect(await service.status(runId)).toMatchObject({ state: 'completed', processed: 40 });
  });

  test('has the jobs of its other shards enqueued again, if the first job could not', async () => {
    const { jobs, service, runId, queueIsDown } = await requested(4);
    queueIsDown(true);
    await expect(service.handle(jobs[0]?.payload)).rejects.toMatchObject({ retryable: true });
    queueIsDown(false);

    await service.handle(jobs[0]?.payload);
    for (const { payload } of jobs.slice(1)) await service.handle(payload);

    expect(await service.status(runId)).toMatchObject({ state: 'completed', processed: 40 });
  });

  test('is paused and resumed as a whole: no shard goes on meanwhile, each gets a job', async () => {
    const { jobs, service, runId } = await requested(4);
    await service.handle(jobs[0]?.payload);
    await service.pause(runId);
    for (const { payload } of jobs.slice(1)) {
      expect(await service.handle(payload)).toMatchObject({ state: 'paused', processed: 10 });
    }

    await service.resume(runId);
    expect(jobs.slice(4).map(({ payload }) => payload.shard)).toEqual([1, 2, 3]);
    for (const { payload } of jobs.slice(4)) await service.handle(payload);

    expect(await service.status(runId)).toMatchObject({ state: 'completed', processed: 40 });
  });

  async function requested(shards: number, tuning: object = { batchSize: 5 }) {
    const memory = createMemoryRepository({ instances: invoices(40) });
    const jobs: BackfillJob[] = [];
    let isDown = false;
    const queue = {
      async enqueue(job: BackfillJob) {
        if (isDown) throw new Error('queue is down');
        jobs.push(job);
      },
    };
    const runtime = testRuntime(1, 1);
    const service = createBackfillService({ repository: memory, queue, runtime, shards, ...tuning });
    const { runId } = (await service.request({ processModelId: MODEL, paths: PATHS })) as { runId: string };
    return { memory, jobs, runtime, service, runId, queueIsDown: (value: boolean) => (isDown = value) };
  }
});
