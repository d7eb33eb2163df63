import { describe, expect, test } from 'vitest';
import {
  type BackfillJob,
  type BackfillQueue,
  createBackfillService,
  type JsonValue,
  type RepositoryCommit,
  type RunRecord,
  type RunState,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { withFaults } from '../../src/testing/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const STALE = { staleAfterMs: 60_000 };

function setUp(count = 30) {
  const memory = createMemoryRepository({ instances: invoices(count) });
  const runtime = testRuntime();
  const jobs: BackfillJob[] = [];
  let isDown = false;
  const queue: BackfillQueue = {
    async enqueue(job) {
      if (isDown) throw new Error('queue is down');
      jobs.push(job);
    },
  };
  const at: { batch: ((batch: number) => Promise<void>) | null } = { batch: null };
  let batches = 0;
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    const isBatch = method === 'commit' && (argument as { instances: unknown[] }).instances.length > 0;
    if (isBatch) batches += 1;
    if (isBatch) await at.batch?.(batches);
    return proceed();
  });
  const service = createBackfillService({ repository, queue, runtime, batchSize: 10 });
  return {
    memory,
    repository,
    runtime,
    jobs,
    service,
    at,
    queueIsDown: (value: boolean) => (isDown = value),
    async request(rest: object = {}) {
      const result = await service.request({ processModelId: MODEL, paths: PATHS, ...rest });
      return 'runId' in result ? result.runId : '';
    },
    handle: (index: number) => service.handle(jobs[index]?.payload),
    sleep: (minutes: number) => runtime.sleep(minutes * 60_000),
  };
}

describe('pause', () => {
  test('stops a run before its first job, and resume starts it', async () => {
    const { service, request, handle, jobs } = setUp();
    const runId = await request();

    expect(await service.pause(runId)).toMatchObject({ state: 'paused', total: 0 });
    expect(await handle(0)).toMatchObject({ state: 'paused', processed: 0 });
    expect(await service.resume(runId)).toMatchObject({ state: 'pending' });
    expect(jobs.map(({ payload }) => payload.step)).toEqual([0, 1]);
    expect(await handle(1)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('refuses the commit that is under way: nothing of that batch is written', async () => {
    const { service, request, handle, at, memory } = setUp();
    const runId = await request();
    at.batch = async (batch) => {
      if (batch === 2) await service.pause(runId);
    };

    expect(await handle(0)).toMatchObject({ state: 'paused', processed: 10 });

    expect(memory.metadata(11)).toEqual({});
    at.batch = null;
    await service.resume(runId);
    expect(await handle(1)).toMatchObject({ state: 'completed', processed: 30, updated: 30 });
  });

  test('after the last batch leaves a run that resume completes', async () => {
    const { service, request, handle, repository, memory } = setUp(10);
    const runId = await request();
    const commit = memory.commit.bind(memory);
    let isPaused = false;
    repository.commit = async (given) => {
      const result = await commit(given);
      if (given.exhausted !== undefined && !isPaused) {
        isPaused = true;
        await service.pause(runId);
      }
      return result;
    };

    expect(await handle(0)).toMatchObject({ state: 'paused', processed: 10 });
    expect(await service.resume(runId)).toMatchObject({ state: 'completed', processed: 10 });
  });
});

describe('cancel', () => {
  test('ends a run for good and keeps what it wrote', async () => {
    const { service, request, handle, at, memory } = setUp();
    const runId = await request();
    at.batch = async (batch) => {
      if (batch === 2) await service.cancel(runId);
    };

    expect(await handle(0)).toMatchObject({ state: 'cancelled', processed: 10 });

    expect(memory.metadata(10)).toEqual({ invoice_number: 'INV-10' });
    await expect(service.resume(runId)).rejects.toThrow(
      /is cancelled and cannot become running: it has ended for good/,
    );
    expect(await request()).not.toBe(runId);
  });

  test('of a run that has completed says that nothing is left to do', async () => {
    const { service, request, handle } = setUp();
    const runId = await request();
    await handle(0);

    await expect(service.cancel(runId)).rejects.toThrow(/it has ended, and nothing is left to cancel\.$/);
    await expect(service.pause(runId)).rejects.toThrow(/it has ended, and nothing is left to pause\.$/);
  });
});

describe('the states of a run', () => {
  type Act = 'pause' | 'resume' | 'cancel';
  const reach: Record<RunState, (world: ReturnType<typeof setUp>, runId: string) => Promise<unknown>> = {
    pending: async () => {},
    running: async ({ at, handle }) => {
      at.batch = () => Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNRESET' }));
      await handle(0).catch(() => {});
      at.batch = null;
    },
    paused: ({ service }, runId) => service.pause(runId),
    cancelled: ({ service }, runId) => service.cancel(runId),
    failed: async ({ at, handle }) => {
      at.batch = () => Promise.reject(Object.assign(new Error('disk full'), { code: '53100' }));
      await handle(0).catch(() => {});
      at.batch = null;
    },
    completed: ({ handle }) => handle(0),
    completed_with_failures: async ({ memory, handle }) => {
      memory.updateInstance(1, { tasks: [{ state: 'COMPLETED', json: 'broken' }] });
      await handle(0);
    },
  };

  test.each<[RunState, Act, RunState | 'refused']>([
    ['pending', 'pause', 'paused'],
    ['pending', 'resume', 'pending'],
    ['pending', 'cancel', 'cancelled'],
    ['running', 'pause', 'paused'],
    ['running', 'resume', 'running'],
    ['running', 'cancel', 'cancelled'],
    ['paused', 'pause', 'paused'],
    ['paused', 'resume', 'pending'],
    ['paused', 'cancel', 'cancelled'],
    ['failed', 'pause', 'refused'],
    ['failed', 'resume', 'running'],
    ['failed', 'cancel', 'cancelled'],
    ['cancelled', 'pause', 'refused'],
    ['cancelled', 'resume', 'refused'],
    ['cancelled', 'cancel', 'cancelled'],
    ['completed', 'pause', 'refused'],
    ['completed', 'resume', 'refused'],
    ['completed', 'cancel', 'refused'],
    ['completed_with_failures', 'pause', 'refused'],
    ['completed_with_failures', 'resume', 'refused'],
    ['completed_with_failures', 'cancel', 'refused'],
  ])('%s, then %s: %s', async (from, act, to) => {
    const world = setUp();
    const runId = await world.request();
    await reach[from](world, runId);
    expect((await world.service.status(runId)).state).toBe(from);

    const done = world.service[act](runId);

    if (to === 'refused') await expect(done).rejects.toMatchObject({ code: 'RUN_STATE', runId });
    else expect((await done).state).toBe(to);
  });

  test('a failed run cannot be resumed while an equal one is active', async () => {
    const world = setUp();
    const runId = await world.request();
    await reach.failed(world, runId);
    await world.request();

    await expect(world.service.resume(runId)).rejects.toThrow(/another run of the same definition is active/);
  });
});

describe('a run that ends while somebody decides about it', () => {
  /** Completes the run between the look-up of active runs and what is done about the one that was found. */
  async function endingBetween(paths: readonly { key: string; path: string }[]) {
    const { memory, jobs, runtime, service, request, handle } = setUp(3);
    const runId = await request();
    await service.pause(runId);
    await service.resume(runId);
    memory.insertInstance(instance('late', { invoice: { number: 'INV-late' } }));
    let isNext = true;
    const repository = intercept(memory, async ({ method, proceed }) => {
      const answer = await proceed();
      if (method === 'findRuns' && isNext) {
        isNext = false;
        await handle(0);
        await handle(1);
      }
      return answer;
    });
    const queue = { enqueue: async (job: BackfillJob) => void jobs.push(job) };
    const other = createBackfillService({ repository, queue, runtime });
    return {
      service,
      runId,
      memory,
      handle,
      jobs,
      result: await other.request({ processModelId: MODEL, paths }),
    };
  }

  test('is not joined by an equal request: that gets a run of its own', async () => {
    const { result, runId, handle, jobs, memory } = await endingBetween([...PATHS]);

    expect(result).toMatchObject({ status: 'triggered', created: true });
    expect(result).not.toMatchObject({ runId });
    await handle(jobs.length - 1);
    expect(memory.metadata('late')).toEqual({ invoice_number: 'INV-late' });
  });

  test('stays completed when a newer request takes over its key', async () => {
    const { service, runId } = await endingBetween([{ key: 'invoice_number', path: 'invoice.id' }]);

    expect(await service.status(runId)).toMatchObject({ state: 'completed' });
  });
});

test('a fault while a run is being completed ends it as failed, to be resumed', async () => {
  const { memory, runtime, jobs, request, service } = setUp();
  const runId = await request();
  let isBroken = true;
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (!isBroken || method !== 'commit' || !isCompletion(argument as RepositoryCommit)) return proceed();
    isBroken = false;
    throw databaseError('42P01');
  });
  const queue = { enqueue: async (job: BackfillJob) => void jobs.push(job) };
  const breaking = createBackfillService({ repository, queue, runtime });

  await expect(breaking.handle(jobs[0]?.payload)).rejects.toMatchObject({ retryable: false });
  expect(await service.status(runId)).toMatchObject({ state: 'failed', processed: 30 });
  await service.resume(runId);
  expect(await service.status(runId)).toMatchObject({ state: 'completed', processed: 30 });
});

test.each([
  ['an older version', 0, false],
  ['a newer version', 99, true],
])('a record of %s is in the way of no other run', async (_, format, isNewer) => {
  const { repository, service, request, sleep, jobs } = setUp();
  const record = { runId: 'old', processModelId: MODEL, revision: 'old', activeKey: 'old key' };
  await repository.commit({
    processModelId: MODEL,
    expected: [{ id: 'old', revision: null }],
    instances: [],
    next: () => [{ ...record, id: 'old', content: { format } }],
  });
  const runId = await request();
  await sleep(2);

  const swept = service.sweep(STALE);
  // Workers of the newer version look after such a run.
  if (isNewer) expect(await swept).toMatchObject({ active: 2, failed: [] });
  else await expect(swept).rejects.toMatchObject({ code: 'RUN_FORMAT', runId: 'old' });
  expect(jobs.map(({ payload }) => payload.step)).toEqual([0, 1]);
  expect((await service.list()).map((run) => run.runId)).toEqual([runId]);
  await expect(service.status('old')).rejects.toMatchObject({ code: 'RUN_FORMAT', retryable: isNewer });
});

test.each<[string, (content: object) => JsonValue]>([
  ['is null', () => null],
  ['has no definition', (content) => ({ ...content, definition: null }) as JsonValue],
  ['has paths that are none', (content) => ({ ...content, definition: { paths: [null] } }) as JsonValue],
  ['has no format', ({ format: _, ...content }: { format?: unknown }) => content as JsonValue],
])('a record whose content %s is in the way of no other run', async (_, damage) => {
  const { repository, service, request, sleep, jobs } = setUp();
  const runId = await request();
  const [record] = await repository.loadRun(runId);
  if (record === undefined) throw new Error('the run is not there');
  const damaged = {
    ...record,
    id: 'z',
    runId: 'z',
    activeKey: 'z',
    content: damage(record.content as object),
  };
  await repository.commit({
    processModelId: MODEL,
    expected: [{ id: 'z', revision: null }],
    instances: [],
    next: () => [damaged],
  });
  await sleep(2);

  await expect(service.sweep(STALE)).rejects.toMatchObject({ code: 'RUN_FORMAT', runId: 'z' });
  expect(jobs.map(({ payload }) => payload.step)).toEqual([0, 1]);
  expect((await service.list()).map((run) => run.runId)).toEqual([runId]);
  await expect(service.status('z')).rejects.toMatchObject({ code: 'RUN_FORMAT' });
  await expect(service.pause('z')).rejects.toMatchObject({ code: 'RUN_FORMAT' });
  expect(await request()).toBe(runId);
});

describe('records that findRuns must not return', () => {
  const header = (runId: string, changes: object = {}): RunRecord => ({
    ...{
      id: runId,
      runId,
      processModelId: MODEL,
      revision: 'first',
      activeKey: `key of ${runId}`,
      content: null,
    },
    ...changes,
  });
  const page = Array.from({ length: 100 }, (_, index) => header(`run ${200 - index}`));

  test.each<[string, () => unknown]>([
    ['the same page for ever, whatever is asked for', () => page],
    ['ascending ids', () => page.slice(0, 3).toReversed()],
    ['a record twice', () => [page[0], page[0]]],
    ['more than were asked for', () => [...page, header('run 0')]],
    ['a shard', () => [header('run 1', { id: 'run 1_0' })]],
    ['a run that is not active', () => [header('run 1', { activeKey: null })]],
    ['no record', () => [undefined]],
    ['no id', () => [header('run 1', { id: 7 })]],
    ['nothing', () => undefined],
  ])('are refused: %s', async (_, answer) => {
    let calls = 0;
    const { memory } = setUp();
    const repository = intercept(memory, async ({ method, proceed }) => {
      if (method !== 'findRuns') return proceed();
      calls += 1;
      return answer();
    });
    const service = createBackfillService({ repository, queue: { enqueue: async () => {} } });

    await expect(service.sweep(STALE)).rejects.toMatchObject({ code: 'REPOSITORY_CONTRACT', runId: null });
    await expect(service.request({ processModelId: MODEL, paths: PATHS })).rejects.toMatchObject({
      code: 'REPOSITORY_CONTRACT',
    });
    expect(calls).toBeLessThan(5);
  });

  test('are refused: runs of another model', async () => {
    const { memory } = setUp();
    const repository = intercept(memory, async ({ method, proceed }) =>
      method === 'findRuns' ? [header('run 1', { processModelId: MODEL.toUpperCase() })] : proceed(),
    );
    const service = createBackfillService({ repository, queue: { enqueue: async () => {} } });

    await expect(service.list({ processModelId: MODEL })).rejects.toThrow(/none that was asked for/);
  });
});

describe('sweep', () => {
  test('leaves runs alone that commit, or have only just been requested', async () => {
    const { service, request, jobs } = setUp();
    await request();

    expect(await service.sweep(STALE)).toEqual({ active: 1, enqueued: [], completed: [], failed: [] });
    expect(jobs).toHaveLength(1);
  });

  test('starts a run whose request met a queue that was down', async () => {
    const { service, request, queueIsDown, sleep, handle, jobs } = setUp();
    queueIsDown(true);
    await expect(request()).rejects.toMatchObject({ code: 'PORT_FAILED' });
    queueIsDown(false);
    await sleep(2);

    const report = await service.sweep(STALE);

    expect(report.enqueued).toEqual([jobs[0]?.payload]);
    expect(await handle(0)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('replaces a job that was lost, once a period, however many sweepers there are', async () => {
    const { service, request, sleep, jobs } = setUp();
    await request();
    await sleep(2);

    const reports = await Promise.all([service.sweep(STALE), service.sweep(STALE), service.sweep(STALE)]);
    const again = await service.sweep(STALE);

    expect(reports.flatMap(({ enqueued }) => enqueued)).toHaveLength(1);
    expect(again.enqueued).toEqual([]);
    expect(jobs.map(({ payload }) => payload.step)).toEqual([0, 1]);
    expect(new Set(jobs.map(({ key }) => key)).size).toBe(2);
  });

  test('whose commit landed without an answer enqueues what it allotted', async () => {
    const { memory, runtime, jobs, request, sleep } = setUp();
    const repository = withFaults(memory, [{ on: 'commit', nth: 1, fault: 'fail-after' }]);
    const queue = { enqueue: async (job: BackfillJob) => void jobs.push(job) };
    await request();
    await sleep(2);

    const sweeper = createBackfillService({ repository, queue, runtime });
    const { enqueued } = await sweeper.sweep(STALE);

    expect(enqueued).toMatchObject([{ shard: 0, step: 1 }]);
    expect(jobs.at(-1)?.payload.step).toBe(1);
  });

  test('waits twice as long after each sweep without effect, and never gives up while no worker takes a job', async () => {
    const { service, request, sleep, jobs } = setUp();
    await request();
    const sweptAt: number[] = [];
    for (let minute = 1; minute < 1000; minute += 1) {
      await sleep(1);
      const { enqueued, failed } = await service.sweep(STALE);
      if (enqueued.length > 0) sweptAt.push(minute);
      expect(failed).toEqual([]);
    }

    expect(sweptAt.slice(0, 8)).toEqual([2, 5, 10, 19, 36, 69, 134, 199]);
    expect(sweptAt.length).toBeGreaterThan(15);
    expect(await service.handle(jobs.at(-1)?.payload)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('gives up after eight swept jobs that have begun and committed no batch', async () => {
    const { service, request, sleep, jobs, at } = setUp();
    const runId = await request();
    let begun = 0;
    at.batch = async () => {
      throw Object.assign(new Error('killed'), { code: 'ECONNRESET' });
    };
    for (let minute = 1; minute < 1000; minute += 1) {
      await sleep(1);
      const { enqueued, failed } = await service.sweep(STALE);
      if (failed.length > 0) break;
      // Every third job is lost on its way.
      if (enqueued.length === 0 || jobs.length % 3 === 0) continue;
      begun += 1;
      await service.handle(jobs.at(-1)?.payload).catch(() => {});
    }
    at.batch = null;

    expect(begun).toBeGreaterThanOrEqual(8);
    expect(await service.status(runId)).toMatchObject({
      state: 'failed',
      lastError: expect.stringContaining('stalled'),
    });
    await service.resume(runId);
    expect(await service.handle(jobs.at(-1)?.payload)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('respects a start time', async () => {
    const { service, request, sleep, runtime, jobs } = setUp();
    await request({ startAfter: new Date(runtime.now() + 60 * 60_000) });

    await sleep(60);
    expect((await service.sweep(STALE)).enqueued).toEqual([]);
    await sleep(2);
    expect((await service.sweep(STALE)).enqueued).toHaveLength(1);
    expect(jobs).toHaveLength(2);
  });

  test('leaves paused and ended runs alone', async () => {
    const { service, request, sleep, handle } = setUp();
    await request();
    await handle(0);
    const paused = await request({ limit: 5 });
    await service.pause(paused);
    await sleep(60);

    expect(await service.sweep(STALE)).toEqual({ active: 1, enqueued: [], completed: [], failed: [] });
  });

  test('completes a run whose last worker died just before', async () => {
    const { service, request, sleep, handle, repository, memory } = setUp();
    const runId = await request();
    repository.commit = async (given) => {
      if (isCompletion(given)) throw Object.assign(new Error('killed'), { code: 'ECONNRESET' });
      return memory.commit(given);
    };
    await expect(handle(0)).rejects.toMatchObject({ code: 'PORT_FAILED', retryable: true });
    repository.commit = memory.commit;
    await sleep(2);

    expect((await service.sweep(STALE)).completed).toEqual([runId]);
    expect(await service.status(runId)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('looks after the other runs when one cannot be looked after, and says so', async () => {
    const { service, request, sleep, repository, memory, jobs } = setUp();
    const bad = await request();
    const good = await request({ limit: 3 });
    await sleep(2);
    repository.loadRun = async (runId) => {
      if (runId === bad) throw Object.assign(new Error('no'), { code: '42501' });
      return memory.loadRun(runId);
    };

    await expect(service.sweep(STALE)).rejects.toMatchObject({ runId: bad });
    expect(jobs.at(-1)?.payload).toMatchObject({ runId: good, step: 1 });
  });

  test('refuses a period that no batch could keep', async () => {
    await expect(setUp().service.sweep({ staleAfterMs: 10 })).rejects.toThrow(
      'staleAfterMs: expected a whole number of at least 1000, got 10',
    );
  });
});

describe('requests that meet', () => {
  const update = { processModelId: MODEL, before: [], after: PATHS };

  test('the same one again, while its run walks: the run walks once more, over the instances of then', async () => {
    const { service, request, handle, at, memory, jobs } = setUp();
    const runId = await request();
    at.batch = async (batch) => {
      if (batch !== 2) return;
      memory.insertInstance(instance(31, { invoice: { number: 'INV-31' } }));
      const joined = { runId, created: false, covered: true };
      expect(await service.request(update)).toMatchObject(joined);
      expect(await service.request(update)).toMatchObject(joined);
    };

    expect(await handle(0)).toMatchObject({ state: 'continued', processed: 0, updated: 30 });
    at.batch = null;
    expect(jobs).toHaveLength(2);
    expect(await handle(1)).toMatchObject({
      runId,
      state: 'completed',
      total: 31,
      processed: 31,
      updated: 31,
      keys: { invoice_number: { written: 31, kept: 0 } },
    });
    expect(memory.metadata(31)).toEqual({ invoice_number: 'INV-31' });
  });

  test('the same one at every batch: the run makes three walks, and covers no request after the last freeze', async () => {
    const { service, request, handle, at, jobs } = setUp();
    const runId = await request();
    const covered: boolean[] = [];
    at.batch = async () => {
      const result = await service.request({ processModelId: MODEL, paths: PATHS });
      if (result.status === 'triggered') covered.push(result.covered);
    };

    expect(await handle(0)).toMatchObject({ state: 'continued' });
    expect(await handle(1)).toMatchObject({ state: 'continued' });
    expect(await handle(2)).toMatchObject({ runId, state: 'completed', processed: 30, updated: 30 });

    expect(jobs).toHaveLength(3);
    expect(covered).toEqual([...Array(6).fill(true), ...Array(3).fill(false)]);
    expect(await request()).not.toBe(runId);
  });

  test('a newer one that reads a key from another path takes it over; the older run goes on without it', async () => {
    const data = { invoice: { number: 'old path' }, bill: { number: 'new path' }, city: 'Turin' };
    const { service, request, handle, at, memory, jobs } = setUp(0);
    for (let id = 1; id <= 30; id += 1) memory.insertInstance(instance(id, data));
    const older = await request({ paths: [...PATHS, { key: 'city', path: 'city' }] });
    at.batch = async (batch) => {
      if (batch === 2) await request({ paths: [{ key: 'invoice_number', path: 'bill.number' }] });
    };

    const report = await handle(0);
    at.batch = null;
    await handle(1);

    expect(report).toMatchObject({ runId: older, state: 'completed', processed: 30 });
    expect(report.keys.invoice_number).toMatchObject({ written: 10 });
    expect(report.keys.city).toMatchObject({ written: 30 });
    expect(memory.metadata(10)).toEqual({ invoice_number: 'new path', city: 'Turin' });
    expect(memory.metadata(11)).toEqual({ invoice_number: 'new path', city: 'Turin' });
    expect(await service.list({ active: true })).toEqual([]);
    expect(jobs).toHaveLength(2);
  });

  test('a run that has lost all its keys is cancelled, and can be asked for again', async () => {
    const { service, request } = setUp();
    const older = await request();
    const newer = await request({ paths: [{ key: 'invoice_number', path: 'bill.number' }] });

    expect((await service.status(older)).state).toBe('cancelled');
    expect(await request()).not.toBe(older);
    expect((await service.status(newer)).state).toBe('cancelled');
  });

  test('a run that has lost a key no longer stands for the request that it was made for', async () => {
    const { request } = setUp();
    const paths = [...PATHS, { key: 'city', path: 'city' }];
    const older = await request({ paths });
    await request({ paths: [{ key: 'invoice_number', path: 'bill.number' }] });

    expect(await request({ paths })).not.toBe(older);
  });

  test('disjoint keys run side by side', async () => {
    const { service, request } = setUp();
    await request();
    await request({ paths: [{ key: 'city', path: 'city' }] });

    expect(await service.list({ active: true })).toHaveLength(2);
  });
});

describe('a run that is swept and still commits', () => {
  test('is never given up: each committed batch makes the sweeps patient anew', async () => {
    const { service, request, sleep, at, handle } = setUp(200);
    await request();
    at.batch = async () => {
      await sleep(2);
      await service.sweep(STALE);
    };
    for (let job = 0; job < 40; job += 1) await handle(job).catch(() => {});

    const [run] = await service.list();
    expect(run).toMatchObject({ state: 'completed' });
  });

  test('a trial on a few instances takes no key from a run over all of them', async () => {
    const { service, request } = setUp();
    const full = await request();
    await request({ paths: [{ key: 'invoice_number', path: 'bill.number' }], limit: 1 });

    expect((await service.status(full)).state).toBe('pending');
  });
});

/** Whether a commit ends a run as completed. */
function isCompletion({ instances, next }: RepositoryCommit): boolean {
  if (instances.length > 0) return false;
  const records = next({ gone: [], kept: [], moved: [] });
  return records.some(({ content }) => Object(content).state === 'completed');
}
