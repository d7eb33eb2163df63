import { describe, expect, test } from 'vitest';
import {
  type BackfillJob,
  type BackfillQueue,
  type BackfillRequest,
  createBackfillService,
  type JsonValue,
  type RunRecord,
  runBackfill,
  type ThrottleAnswer,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const STALE = { staleAfterMs: 60_000 };
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** A queue that only notes what it gets. The test delivers the jobs, as early as it likes. */
function setUp(tuning: object = {}) {
  const memory = createMemoryRepository({ instances: invoices(30) });
  const runtime = testRuntime();
  const jobs: (BackfillJob & { readonly startAfter: number | null })[] = [];
  const queue: BackfillQueue = {
    async enqueue(job, { startAfter } = {}) {
      jobs.push({ ...job, startAfter: startAfter?.getTime() ?? null });
    },
  };
  let atCommit = async (_expected: readonly { readonly id: string }[]): Promise<void> => {};
  let atLoad = async (): Promise<void> => {};
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method === 'commit') await atCommit((argument as { expected: { id: string }[] }).expected);
    if (method === 'loadRun') await atLoad();
    return proceed();
  });
  const service = createBackfillService({ repository, queue, runtime, batchSize: 10, ...tuning });
  return {
    memory,
    repository,
    runtime,
    queue,
    jobs,
    service,
    onCommit: (act: typeof atCommit) => (atCommit = act),
    onLoad: (act: typeof atLoad) => (atLoad = act),
    later: (ms: number) => new Date(runtime.now() + ms),
    async request(rest: object = {}) {
      const result = await service.request({
        processModelId: MODEL,
        paths: PATHS,
        ...rest,
      } as BackfillRequest);
      if (result.status === 'skipped') throw new Error(result.reason);
      return result;
    },
    handle: (index: number) => service.handle(jobs[index]?.payload),
    steps: () => jobs.map(({ payload }) => payload.step),
  };
}

describe('a job that is delivered before the start of its run', () => {
  test('goes back to the queue until then, and works once it is time', async () => {
    const { request, handle, jobs, runtime, later, memory } = setUp();
    const startAfter = later(DAY);
    await request({ startAfter });

    const waiting = { for: 'startAfter', reason: 'startAfter', until: startAfter.getTime() };
    expect(await handle(0)).toMatchObject({ state: 'continued', total: 0, processed: 0, waiting });
    expect(jobs.map((job) => job.startAfter)).toEqual([startAfter.getTime(), startAfter.getTime()]);
    expect(memory.metadata(1)).toEqual({});
    await runtime.sleep(DAY);
    expect(await handle(1)).toMatchObject({ state: 'completed', processed: 30, waiting: null });
  });

  test('goes back once: on a runner that ignores delays, a sweep enqueues the next one when it is time', async () => {
    const { service, request, handle, steps, runtime, later } = setUp();
    await request({ startAfter: later(DAY) });

    for (const index of [0, 0, 1, 0, 1]) expect(await handle(index)).toMatchObject({ state: 'continued' });
    expect(steps()).toEqual([0, 1]);
    await runtime.sleep(DAY - 1);
    expect((await service.sweep(STALE)).enqueued).toEqual([]);
    await runtime.sleep(2 * MINUTE);
    expect((await service.sweep(STALE)).enqueued).toHaveLength(1);
    expect(await handle(2)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('works when the start is moved while it is about to go back', async () => {
    const { request, handle, onLoad, later, steps } = setUp();
    await request({ startAfter: later(DAY) });
    let loads = 0;
    onLoad(async () => {
      loads += 1;
      if (loads !== 2) return;
      onLoad(async () => {});
      await request();
    });

    expect(await handle(0)).toMatchObject({ state: 'completed', processed: 30 });
    expect(steps()).toEqual([0, 1]);
  });

  test('waits in place when it is only a little early', async () => {
    const { request, handle, runtime, later, steps } = setUp();
    await request({ startAfter: later(20_000) });

    expect(await handle(0)).toMatchObject({ state: 'completed', processed: 30 });
    expect(runtime.slept).toEqual([20_000]);
    expect(steps()).toEqual([0]);
  });

  test('waits in place no longer than its slice', async () => {
    const { request, handle, runtime, later, steps } = setUp({ sliceMs: 10_000 });
    await request({ startAfter: later(20_000) });

    expect(await handle(0)).toMatchObject({ state: 'continued', processed: 0 });
    expect(runtime.slept).toEqual([]);
    expect(steps()).toEqual([0, 1]);
  });

  test('is rescued when it could not be handed back', async () => {
    const { request, later, runtime, repository, service, handle } = setUp();
    const { runId } = await request({ startAfter: later(DAY) });
    const queue = { enqueue: () => Promise.reject(new Error('queue is down')) };
    const other = createBackfillService({ repository, queue, runtime });

    const early = other.handle({ runId, shard: 0, step: 0 });
    await expect(early).rejects.toMatchObject({ code: 'PORT_FAILED', retryable: true });
    await runtime.sleep(DAY + 2 * MINUTE);
    await service.sweep(STALE);
    expect(await handle(1)).toMatchObject({ state: 'completed', processed: 30 });
  });
});

describe('a hold of a throttle', () => {
  const busy: ThrottleAnswer = { reason: 'busy', retryAfterMs: 5000 };

  test('ends the job after its slice, also when it is called again at once, and the report says until when', async () => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const runtime = testRuntime();
    const tuning = { repository: memory, runtime, batchSize: 10, sliceMs: 500, throttle: () => busy };
    const first = await runBackfill({ ...tuning, processModelId: MODEL, paths: PATHS });
    const waiting = { for: 'throttle', reason: 'busy', until: runtime.now() + 5000 };

    const again = await runBackfill({ ...tuning, runId: first.runId });

    expect(first).toMatchObject({ state: 'continued', waiting });
    expect(again).toMatchObject({ state: 'continued', waiting });
    expect(runtime.slept).toEqual([]);
    await runtime.sleep(5000);
    expect(await runBackfill({ ...tuning, runId: first.runId })).toMatchObject({
      waiting: { until: runtime.now() + 5000 },
    });
  });

  test('of one job holds the other job of the same shard, too', async () => {
    const { service, request, onCommit, repository, queue, runtime, jobs } = setUp();
    const { runId } = await request();
    const held = createBackfillService({
      ...{ repository, queue, runtime, batchSize: 10 },
      throttle: () => ({ reason: 'busy', retryAfterMs: DAY }),
    });
    let batches = 0;
    onCommit(async ([expected]) => {
      if (!expected?.id.endsWith('_0')) return;
      batches += 1;
      if (batches === 2) await held.handle({ runId, shard: 0, step: 0 }); // the same job, delivered twice
    });

    expect(await service.handle({ runId, shard: 0, step: 0 })).toMatchObject({
      state: 'continued',
      processed: 10,
      waiting: { for: 'throttle', until: runtime.now() + DAY },
    });
    onCommit(async () => {});
    await runtime.sleep(DAY);
    expect(await service.handle(jobs[1]?.payload)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('of one job holds the other job also when that learns of it by looking at the other shards', async () => {
    const { service, request, onCommit, onLoad, repository, queue, runtime } = setUp({ batchSize: 5 });
    const { runId } = await request({ shards: 2 });
    const held = createBackfillService({
      ...{ repository, queue, runtime, batchSize: 5 },
      throttle: () => ({ reason: 'busy', retryAfterMs: DAY }),
    });
    onCommit(async ([expected]) => {
      if (!expected?.id.endsWith('_0')) return;
      onCommit(async () => {});
      await runtime.sleep(2000); // so that the job looks at the other shards after this batch
      onLoad(async () => {
        onLoad(async () => {});
        await held.handle({ runId, shard: 0, step: 0 });
      });
    });

    expect(await service.handle({ runId, shard: 0, step: 0 })).toMatchObject({
      state: 'continued',
      processed: 5,
      waiting: { for: 'throttle', until: runtime.now() + DAY },
    });
  });

  test('is handed back once per hold, not once per run', async () => {
    const holds: ThrottleAnswer[] = [1, 2].map(() => ({ reason: 'by day', retryAfterMs: DAY }));
    const { request, handle, steps, runtime } = setUp({ throttle: () => holds.pop() ?? null });
    await request();

    await handle(0); // held: its continuation has step 1
    await handle(1); // early: handed back as step 2
    await handle(2); // early again
    expect(steps()).toEqual([0, 1, 2]);
    await runtime.sleep(DAY);
    await handle(2); // held again: step 3
    await handle(3); // early: step 4
    await handle(4);
    expect(steps()).toEqual([0, 1, 2, 3, 4]);
    await runtime.sleep(DAY);
    expect(await handle(4)).toMatchObject({ state: 'completed', processed: 30 });
  });
});

describe('a run that was begun without a queue', () => {
  async function stopped(set: ReturnType<typeof setUp>) {
    const controller = new AbortController();
    const { repository, runtime } = set;
    const tuning = { repository, runtime, batchSize: 10, signal: controller.signal };
    let runId = '';
    const run = runBackfill({
      ...tuning,
      processModelId: MODEL,
      paths: PATHS,
      onProgress(progress) {
        runId = progress.runId;
        if (progress.processed === 10) controller.abort(new Error('stop'));
      },
    });
    await expect(run).rejects.toThrow('stop');
    await runtime.sleep(DAY);
    return runId;
  }

  test('stays stopped, whoever sweeps the table, and says that it has no queue', async () => {
    const set = setUp();
    const runId = await stopped(set);
    const { service, jobs } = set;

    expect(await service.sweep(STALE)).toEqual({ active: 1, enqueued: [], completed: [], failed: [] });
    expect(jobs).toEqual([]);
    expect(await service.status(runId)).toMatchObject({ state: 'running', hasQueue: false, processed: 10 });
    expect(await service.list()).toMatchObject([{ runId, hasQueue: false }]);
  });

  test('is not worked on by a job of a queue', async () => {
    const set = setUp();
    const runId = await stopped(set);

    const report = await set.service.handle({ runId, shard: 0, step: 0 });
    expect(report).toMatchObject({ state: 'superseded', processed: 10 });
    expect(set.jobs).toEqual([]);
  });

  test.each<[string, (set: ReturnType<typeof setUp>, runId: string) => Promise<unknown>]>([
    ['resume', ({ service }, runId) => service.resume(runId)],
    [
      'runBackfill with a queue',
      ({ repository, queue, runtime }, runId) =>
        runBackfill({
          ...{ repository, queue, runtime, runId },
          throttle: () => ({ reason: 'busy', retryAfterMs: DAY }),
        }),
    ],
  ])('is given the queue by %s', async (_, act) => {
    const set = setUp();
    const runId = await stopped(set);
    const { service, runtime, jobs } = set;

    await act(set, runId);
    expect(await service.status(runId)).toMatchObject({ hasQueue: true });
    await runtime.sleep(DAY);
    await service.sweep(STALE);
    expect(await service.handle(jobs.at(-1)?.payload)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('keeps being without one when it is taken up without one', async () => {
    const set = setUp();
    const runId = await stopped(set);
    const { repository, runtime, service } = set;

    const report = await runBackfill({ repository, runtime, runId });
    expect(report).toMatchObject({ state: 'completed', processed: 30 });
    expect(await service.status(runId)).toMatchObject({ hasQueue: false });
  });
});

describe('an equal request', () => {
  test('that wants the run to start sooner moves the start, and enqueues a job for it', async () => {
    const { request, handle, jobs, later, runtime } = setUp();
    const [late, soon] = [later(30 * DAY), later(DAY)];
    const first = await request({ startAfter: late });
    expect(first).toMatchObject({ created: true, state: 'pending', startAfter: late.getTime() });

    const joined = { runId: first.runId, created: false, state: 'pending' };
    expect(await request({ startAfter: soon })).toMatchObject({ ...joined, startAfter: soon.getTime() });
    expect(await request({ startAfter: late })).toMatchObject({ ...joined, startAfter: soon.getTime() });
    await runtime.sleep(1000);
    expect(await request()).toMatchObject({ ...joined, startAfter: null });
    expect(jobs.map(({ payload, startAfter }) => [payload.step, startAfter])).toEqual([
      [0, late.getTime()],
      [1, soon.getTime()],
      [1, soon.getTime()],
      [2, null],
    ]);
    expect(await handle(3)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('gives no sweep a reason to enqueue at once a job for a run that waited for long', async () => {
    const { service, request, later, runtime } = setUp();
    await request({ startAfter: later(30 * DAY) });
    await runtime.sleep(DAY);
    await request();

    expect((await service.sweep(STALE)).enqueued).toEqual([]);
  });

  test('of a paused run leaves it paused, and says so', async () => {
    const { service, request, jobs, later } = setUp();
    const { runId } = await request({ startAfter: later(DAY) });
    await service.pause(runId);

    expect(await request()).toMatchObject({ runId, created: false, state: 'paused', startAfter: null });
    expect(jobs).toHaveLength(1);
    await service.resume(runId);
    expect(jobs.at(-1)).toMatchObject({ payload: { step: 1 }, startAfter: null });
  });

  test('of a run that walks enqueues nothing', async () => {
    const { service, request, onCommit, jobs } = setUp();
    await request();
    onCommit(async ([expected]) => {
      if (!expected?.id.endsWith('_0')) return;
      onCommit(async () => {});
      expect(await request()).toMatchObject({ created: false, state: 'running' });
      expect(jobs).toHaveLength(1);
    });
    await service.handle(jobs[0]?.payload);

    expect.assertions(2);
  });
});

describe('the format of a newer version', () => {
  test('in a job: the job goes back to the queue', async () => {
    const { service, request, memory } = setUp();
    const { runId } = await request();

    const newer = service.handle({ runId, shard: 0, step: 0, format: 2, more: true });
    await expect(newer).rejects.toMatchObject({ code: 'RUN_FORMAT', runId, retryable: true });
    expect(memory.metadata(1)).toEqual({});
  });

  test.each([
    ['the header', 0],
    ['a shard', 1],
  ])(
    'in %s, in the middle of a job: the job goes back to the queue, and the run does not fail',
    async (_, index) => {
      const { service, request, onCommit, memory, runtime } = setUp();
      const { runId } = await request();
      const inFormat = (record: RunRecord, format: number): RunRecord => ({
        ...record,
        revision: `${format}`,
        content: { ...(record.content as object), format } as JsonValue,
      });
      async function store(format: number): Promise<void> {
        const record = (await memory.loadRun(runId)).toSorted((a, b) => (a.id < b.id ? -1 : 1))[index];
        if (record === undefined) throw new Error('there is no such record');
        const expected = [{ id: record.id, revision: record.revision }];
        await memory.commit({
          ...{ processModelId: MODEL, expected, instances: [] },
          next: () => [inFormat(record, format)],
        });
      }
      let batches = 0;
      onCommit(async ([expected]) => {
        if (expected?.id.endsWith('_0')) batches += 1;
        if (batches !== 2) return;
        onCommit(async () => {});
        await store(2);
        throw Object.assign(new Error('connection lost'), { code: 'ECONNRESET' });
      });

      const job = { runId, shard: 0, step: 0 };
      await expect(service.handle(job)).rejects.toMatchObject({ code: 'RUN_FORMAT', retryable: true });
      await runtime.sleep(DAY);
      expect(await service.sweep(STALE)).toMatchObject({ enqueued: [], failed: [] });
      await store(1);
      expect(await service.handle(job)).toMatchObject({ state: 'completed', processed: 30 });
    },
  );
});
