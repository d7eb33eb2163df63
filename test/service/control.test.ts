import { describe, expect, test } from 'vitest';
import {
  type BackfillJob,
  createBackfillService,
  type JsonValue,
  type RepositoryCommit,
  type RunState,
} from '../../src/index.js';
import { instance, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { isCompletion, STALE, setUp } from './support/one-service.js';

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
