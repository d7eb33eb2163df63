import { describe, expect, test } from 'vitest';
import {
  type BackfillJob,
  type BackfillQueue,
  type BackfillRepository,
  createBackfillService,
  type RepositoryCommit,
  type Runtime,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

type AroundCommit = (commit: RepositoryCommit, proceed: () => Promise<unknown>) => Promise<unknown>;

/** A service whose commits, and whose search for an active run, can be got in the way of. */
function setUp(count: number, options: object = {}) {
  const memory = createMemoryRepository({ instances: invoices(count) });
  const jobs: BackfillJob[] = [];
  const queue: BackfillQueue = {
    async enqueue(job) {
      jobs.push(job);
    },
  };
  const around: {
    commit: AroundCommit | null;
    search: (() => Promise<void>) | null;
    survey: (() => Promise<void>) | null;
  } = { commit: null, search: null, survey: null };
  const repository: BackfillRepository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method === 'commit' && around.commit !== null) return around.commit(argument, proceed);
    const found = await proceed();
    if (method === 'findRuns') await around.search?.();
    if (method === 'surveyInstances') await around.survey?.();
    return found;
  });
  const runtime = testRuntime();
  const service = createBackfillService({ repository, queue, runtime, batchSize: 10, ...options });
  return {
    memory,
    repository,
    runtime,
    queue,
    jobs,
    around,
    service,
    steps: () => jobs.map(({ payload }) => `${payload.shard}:${payload.step}`),
    async request(rest: object = {}) {
      const result = await service.request({ processModelId: MODEL, paths: PATHS, ...rest });
      if (result.status !== 'triggered') throw new Error(result.reason);
      return result;
    },
    handle: (index: number, signal = new AbortController().signal) =>
      service.handle(jobs[index]?.payload, { signal }),
  };
}

/** A promise, and what fulfils it. */
function signal() {
  let give = (): void => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

const lost = () => databaseError('ECONNRESET');

describe('a job whose turn is over', () => {
  test('enqueues no step when the run was paused before it could be allotted', async () => {
    const runtime = testRuntime(1, 5);
    const { service, request, handle, around, steps } = setUp(30, { runtime, sliceMs: 1 });
    const { runId } = await request();
    around.commit = async ({ instances, expected }, proceed) => {
      const isAllotment = instances.length === 0 && expected.length === 1;
      if (!isAllotment) return proceed();
      around.commit = null;
      await service.pause(runId);
      throw lost();
    };

    expect(await handle(0)).toMatchObject({ state: 'paused', processed: 10 });

    expect(steps()).toEqual(['0:0']);
    await service.resume(runId);
    expect(steps()).toEqual(['0:0', '0:1']);
  });

  test('completes the run when its last commit lands after it was told to shut down', async () => {
    const stopping = new AbortController();
    let land: () => Promise<unknown> = async () => null;
    const runtime: Runtime = {
      ...testRuntime(),
      async sleep() {
        await land();
        stopping.abort(new Error('shutdown'));
        throw stopping.signal.reason;
      },
    };
    const { request, handle, around } = setUp(10, { runtime });
    await request();
    around.commit = async ({ exhausted }, proceed) => {
      if (exhausted === undefined) return proceed();
      land = proceed;
      around.commit = null;
      throw lost();
    };

    expect(await handle(0, stopping.signal)).toMatchObject({ state: 'completed', processed: 10 });
  });
});

describe('a job that is overtaken by a younger one', () => {
  test('ends, also when the run is in its next walk by then', async () => {
    const { memory, service, request, handle, around, runtime } = setUp(10);
    await request();
    around.commit = async ({ exhausted }, proceed) => {
      if (exhausted === undefined) return proceed();
      around.commit = null;
      await runtime.sleep(120_000);
      await service.sweep({ staleAfterMs: 60_000 });
      memory.insertInstance(instance(11, { invoice: { number: 'INV-11' } }));
      await request();
      expect(await handle(1)).toMatchObject({ state: 'continued', processed: 0, updated: 10 });
      return proceed();
    };

    expect(await handle(0)).toMatchObject({ state: 'superseded', processed: 0 });

    expect(memory.metadata(11)).toEqual({});
    expect(await handle(2)).toMatchObject({ state: 'completed', total: 11, processed: 11, updated: 11 });
  });
});

describe('a job that parts a run into shards', () => {
  test('has the others worked on, also when the answer is lost and it is told to shut down', async () => {
    const { request, handle, around, steps } = setUp(30, { shards: 3 });
    const stopping = new AbortController();
    await request();
    around.commit = async (_, proceed) => {
      around.commit = null;
      await proceed();
      stopping.abort(new Error('shutdown'));
      throw lost();
    };

    expect(await handle(0, stopping.signal)).toMatchObject({ state: 'continued' });

    expect(steps()).toEqual(['0:0', '1:0', '2:0', '0:1']);
  });
});

describe('a job that cannot enqueue those of the other shards', () => {
  test('fails, also when it is told to shut down meanwhile', async () => {
    const stopping = new AbortController();
    const jobs: BackfillJob[] = [];
    let isDown = false;
    const queue: BackfillQueue = {
      async enqueue(job) {
        if (isDown && job.payload.shard > 0) {
          stopping.abort(new Error('shutdown'));
          throw new Error('queue is down');
        }
        jobs.push(job);
      },
    };
    const { request, service } = setUp(30, { shards: 3, queue });
    await request();
    isDown = true;

    const failing = service.handle(jobs[0]?.payload, { signal: stopping.signal });

    await expect(failing).rejects.toMatchObject({ code: 'PORT_FAILED', retryable: true });
    isDown = false;
    await service.handle(jobs[0]?.payload);
    expect(jobs.map(({ payload }) => payload.shard)).toEqual([0, 1, 2]);
  });
});

describe('a script that takes up a paused run', () => {
  test('enqueues nothing', async () => {
    const { service, repository, queue, request, handle, around, steps } = setUp(30, { shards: 3 });
    const { runId } = await request();
    around.commit = async ({ instances }, proceed) => {
      if (instances.length > 0) await service.pause(runId);
      return proceed();
    };
    await handle(0);
    const before = steps();

    const report = await runBackfill({ repository, queue, runId, runtime: testRuntime(2) });

    expect(report).toMatchObject({ state: 'paused' });
    expect(steps()).toEqual(before);
  });
});

describe('a request', () => {
  test('leaves a run alone that completes while its keys are taken over', async () => {
    const { service, request, handle, around } = setUp(10);
    const { runId } = await request();
    around.search = async () => {
      around.search = null;
      await handle(0);
    };

    await request({ paths: [{ key: 'invoice_number', path: 'bill.number' }] });

    expect(await service.status(runId)).toMatchObject({ state: 'completed', processed: 10 });
  });

  test('relies on the end of such a run in its commit, as a database may lose that end until then', async () => {
    const { memory, request, handle, around } = setUp(10);
    const { runId } = await request();
    let completed: string | undefined;
    around.search = async () => {
      around.search = null;
      await handle(0);
      completed = (await memory.loadRun(runId, {})).find(({ id }) => id === runId)?.revision;
      around.commit = async ({ expected }, proceed) => {
        expect(expected).toContainEqual({ id: runId, revision: completed });
        return proceed();
      };
    };

    await request({ paths: [{ key: 'invoice_number', path: 'bill.number' }] });

    expect(completed).toBeDefined();
    expect.assertions(2);
  });

  test('does not join an equal run that completes meanwhile: its instances would be missing', async () => {
    const { memory, request, handle, around } = setUp(10);
    const first = await request();
    around.search = async () => {
      around.search = null;
      await handle(0);
      memory.insertInstance(instance(11, { invoice: { number: 'INV-11' } }));
    };

    const second = await request();

    expect(second).toMatchObject({ created: true });
    expect(second.runId).not.toBe(first.runId);
    expect(await handle(1)).toMatchObject({ state: 'completed', processed: 11, updated: 1 });
  });
});

describe('a request that has joined a run without an answer, before that run loses a key', () => {
  test('enqueues the step that it has allotted there', async () => {
    const { request, around, jobs } = setUp(10);
    const both = [...PATHS, { key: 'city', path: 'city' }];
    const first = await request({ paths: both });
    around.commit = async (_, proceed) => {
      around.commit = null;
      await proceed();
      await request({ paths: [{ key: 'city', path: 'address.city' }] });
      throw lost();
    };

    const second = await request({ paths: both });

    expect(second).toMatchObject({ created: true });
    const ofFirst = jobs.filter(({ payload }) => payload.runId === first.runId);
    expect(ofFirst.map(({ payload }) => payload.step)).toEqual([0, 1]);
  });
});

describe('an equal request, while the first job has counted but not begun', () => {
  test('has the job count again, and the walk cover the instances that came in between', async () => {
    const { memory, request, handle, around } = setUp(10);
    const { runId } = await request();
    around.survey = async () => {
      around.survey = null;
      memory.insertInstance(instance(11, { invoice: { number: 'INV-11' } }));
      expect(await request()).toMatchObject({ runId, created: false, covered: true });
    };

    expect(await handle(0)).toMatchObject({ state: 'continued', total: 11 });
    expect(await handle(1)).toMatchObject({ state: 'completed', total: 11, processed: 11 });
  });
});

describe('a sweep whose answer is lost', () => {
  test('enqueues the jobs of every shard that it has allotted a step, in whichever try', async () => {
    const { service, request, handle, around, runtime, steps } = setUp(30, { shards: 2, batchSize: 5 });
    await request();
    let batches = 0;
    around.commit = async ({ instances }, proceed) => {
      if (instances.length === 0) return proceed();
      batches += 1;
      if (batches > 1) throw lost();
      await runtime.sleep(30_000);
      return proceed();
    };
    await expect(handle(0)).rejects.toMatchObject({ code: 'PORT_FAILED' });
    const before = steps();
    await runtime.sleep(25_000);
    // The first try is for shard 1, which has committed nothing yet; by the second one shard 0 is idle for long, too.
    around.commit = async (_, proceed) => {
      around.commit = null;
      await proceed();
      await runtime.sleep(30_000);
      throw lost();
    };

    const { enqueued } = await service.sweep({ staleAfterMs: 50_000 });

    expect(enqueued.map(({ shard, step }) => `${shard}:${step}`).sort()).toEqual(['0:1', '1:1']);
    expect(steps().slice(before.length).sort()).toEqual(['0:1', '1:1']);
  });

  test('enqueues the job also when an older one has committed a batch before the sweep could look', async () => {
    const { service, request, handle, around, runtime, steps } = setUp(30);
    await request();
    const [reached, released] = [signal(), signal()];
    around.commit = async ({ instances }, proceed) => {
      if (instances.length === 0) return proceed();
      reached.give();
      await released.given;
      return proceed();
    };
    const older = handle(0);
    await reached.given;
    await runtime.sleep(60_000);
    around.commit = async (_, proceed) => {
      around.commit = null;
      await proceed();
      released.give();
      await older;
      throw lost();
    };

    const { enqueued } = await service.sweep({ staleAfterMs: 50_000 });

    expect(enqueued).toMatchObject([{ shard: 0, step: 1 }]);
    expect(steps()).toEqual(['0:0', '0:1']);
    expect(await handle(1)).toMatchObject({ state: 'completed', processed: 30 });
  });
});
