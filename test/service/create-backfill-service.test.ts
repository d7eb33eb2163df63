import { describe, expect, test } from 'vitest';
import {
  type BackfillJob,
  type BackfillQueue,
  createBackfillService,
  loadBackfillConfig,
  type ServiceOptions,
} from '../../src/index.js';
import { createInProcessQueue, createMemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';

const CUSTOMER = { key: 'customer_id', path: 'customer.id' };

/** A queue that only remembers. */
function recordingQueue(): BackfillQueue & { readonly jobs: BackfillJob[]; readonly options: unknown[] } {
  const jobs: BackfillJob[] = [];
  const options: unknown[] = [];
  return {
    jobs,
    options,
    async enqueue(job, given) {
      jobs.push(job);
      options.push(given);
    },
  };
}

function setUp(rest: Partial<ServiceOptions> = {}, instances = invoices(30)) {
  const repository = createMemoryRepository({ instances });
  const queue = recordingQueue();
  const service = createBackfillService({ repository, queue, runtime: testRuntime(), ...rest });
  return { repository, queue, service };
}

describe('request, after a model update', () => {
  test('stores a pending run for the new paths and enqueues its first job', async () => {
    const { service, queue } = setUp();

    const result = await service.request({
      processModelId: MODEL,
      before: [CUSTOMER],
      after: [CUSTOMER, ...PATHS],
    });

    expect(result).toEqual({
      status: 'triggered',
      runId: expect.stringMatching(/^[0-9a-z]{25}$/),
      processModelId: MODEL,
      keys: ['invoice_number'],
      created: true,
      covered: true,
      state: 'pending',
      startAfter: null,
      diff: {
        added: [...PATHS],
        removed: [],
        unchanged: [CUSTOMER],
        changed: [],
        possibleRenames: [],
        unusable: [],
      },
    });
    const runId = 'runId' in result ? result.runId : '';
    expect(queue.jobs).toEqual([
      { name: 'backfill_metadata', key: `${runId}_0_0`, payload: { runId, shard: 0, step: 0 } },
    ]);
    expect(queue.options).toEqual([{}]);
    expect(await service.status(runId)).toMatchObject({ state: 'pending', total: 0, processed: 0 });
  });

  test('is skipped when nothing is new', async () => {
    const logger = linesLogger();
    const { service, queue } = setUp({ logger });
    const moved = { key: 'customer_id', path: 'customer.number' };

    const result = await service.request({ processModelId: MODEL, before: [CUSTOMER], after: [moved] });

    expect(result).toMatchObject({
      status: 'skipped',
      reason: 'No new metadata paths detected',
      diff: { changed: [{ key: 'customer_id', before: CUSTOMER, after: moved }] },
    });
    expect(queue.jobs).toEqual([]);
    expect(logger.lines).toEqual([
      `info celery_task_backfill_metadata[-]: Keys of process model ${MODEL} read another path now, but keep their values: "customer_id". A request with includeChanged: true computes them again`,
    ]);
  });

  test('is skipped when backfills are switched off', async () => {
    const { service, repository } = setUp({ config: loadBackfillConfig({}) });

    const result = await service.request({ processModelId: MODEL, before: null, after: PATHS });

    expect(result).toMatchObject({ status: 'skipped', reason: 'Metadata backfill feature is disabled' });
    expect(
      await repository.findRuns({
        processModelId: null,
        activeKey: null,
        active: null,
        before: null,
        limit: 1,
      }),
    ).toEqual([]);
  });

  test('with includeChanged also overwrites what the changed keys hold, and only those', async () => {
    const data = { customer: { id: 'C-1', number: 'N-1' }, invoice: { number: 'INV-1' } };
    const metadata = { customer_id: 'C-1', invoice_number: 'by hand' };
    const { service, queue, repository } = setUp({}, [instance(1, data, { metadata })]);

    await service.request({
      processModelId: MODEL,
      before: [CUSTOMER],
      after: [{ key: 'customer_id', path: 'customer.number' }, ...PATHS],
      includeChanged: true,
    });
    const report = await service.handle(queue.jobs[0]?.payload);

    expect(report).toMatchObject({ state: 'completed', updated: 1 });
    expect(repository.metadata(1)).toEqual({ customer_id: 'N-1', invoice_number: 'by hand' });
  });

  describe('when an old path that is refused now stands unchanged', () => {
    const old = { key: 'total', path: '$.total' };

    function setUpLogged() {
      const warnings: string[] = [];
      const logger = { info() {}, warn: (line: string) => warnings.push(line), error() {} };
      return { ...setUp({ logger }), warnings };
    }

    test('saves the model, runs the new paths and warns once of the old one', async () => {
      const { service, queue, repository, warnings } = setUpLogged();

      const result = await service.request({
        processModelId: MODEL,
        before: [old],
        after: [old, ...PATHS],
        includeChanged: true,
      });

      const runId = 'runId' in result ? result.runId : '';
      const problem = `path: '$.total' begins with '$', but a path begins with a key; write 'total', or ['$', 'total'] if these are the names of the keys`;
      expect(result).toMatchObject({
        status: 'triggered',
        keys: ['invoice_number'],
        diff: { added: PATHS, unusable: [{ ...old, problem }] },
      });
      expect(warnings).toEqual([
        `celery_task_backfill_metadata[${runId}]: No run reads the extraction path of "total" in process model ${MODEL}, because it cannot be used: ${problem}`,
      ]);
      expect(await service.handle(queue.jobs[0]?.payload)).toMatchObject({ state: 'completed', failed: 0 });
      expect(repository.metadata(1)).toEqual({ invoice_number: 'INV-1' });
      expect(warnings).toHaveLength(1);
    });

    test('warns of it when nothing is new, too', async () => {
      const { service, queue, warnings } = setUpLogged();

      const result = await service.request({ processModelId: MODEL, before: [old], after: [old] });

      expect(result).toMatchObject({ status: 'skipped', reason: 'No new metadata paths detected' });
      expect(warnings).toEqual([expect.stringContaining('the extraction path of "total"')]);
      expect(queue.jobs).toEqual([]);
    });

    test('runs its key once its path is fixed', async () => {
      const { service, warnings } = setUpLogged();

      const fixed = { key: 'total', path: 'total' };
      const result = await service.request({ processModelId: MODEL, before: [old], after: [fixed] });

      expect(result).toMatchObject({ status: 'triggered', keys: ['total'] });
      expect(warnings).toEqual([]);
    });

    test('saves a model whose old key is longer than the repository can store', async () => {
      const repository = { ...createMemoryRepository({ instances: invoices(1) }), maxKeyLength: 14 };
      const { service } = setUp({ repository });
      const long = { key: 'invoice_numbers', path: 'invoice.numbers' };

      const result = await service.request({
        processModelId: MODEL,
        before: [long],
        after: [long, ...PATHS],
      });

      expect(result).toMatchObject({
        status: 'triggered',
        keys: ['invoice_number'],
        diff: { unusable: [long] },
      });
    });
  });

  test('reports a possible rename, and runs the new key', async () => {
    const { service } = setUp();
    const [path] = PATHS;

    const result = await service.request({
      processModelId: MODEL,
      before: [{ ...path, key: 'number' }],
      after: PATHS,
    });

    expect(result).toMatchObject({
      status: 'triggered',
      keys: ['invoice_number'],
      diff: { possibleRenames: [{ from: 'number', to: 'invoice_number', path: path.path }] },
    });
  });

  test('hands a start time to the queue', async () => {
    const { service, queue } = setUp();
    const startAfter = new Date('2026-12-01T22:00:00Z');

    await service.request({ processModelId: MODEL, before: [], after: PATHS, startAfter });

    expect(queue.options).toEqual([{ startAfter }]);
  });
});

describe('request, by hand', () => {
  test('takes any paths, a mode, a limit and ids, with the defaults of the service', async () => {
    const { service, queue, repository } = setUp({ mode: 'overwrite', missing: 'omit' });
    repository.setMetadata(1, 'invoice_number', 'old');

    const result = await service.request({
      processModelId: MODEL,
      paths: PATHS,
      limit: 1,
      instanceIds: [1, 2],
    });
    const report = await service.handle(queue.jobs[0]?.payload);

    expect(result).toMatchObject({ status: 'triggered', created: true, diff: null });
    expect(report).toMatchObject({ state: 'completed', total: 1, updated: 1 });
    expect(repository.metadata(1)).toEqual({ invoice_number: 'INV-1' });
  });
});

describe('the same request twice', () => {
  test('is one run while it is active, which gets another job: the runner may have given the first one up', async () => {
    const { service, queue } = setUp();
    const first = await service.request({ processModelId: MODEL, before: [], after: PATHS });

    const second = await service.request({ processModelId: MODEL, before: [], after: PATHS });

    expect(second).toEqual({ ...first, created: false });
    expect(queue.jobs.map(({ payload }) => payload.step)).toEqual([0, 1]);
    expect(await service.list()).toHaveLength(1);
  });

  test('is two runs when the first has ended, or when they ask for something else', async () => {
    const { service, queue } = setUp();
    await service.request({ processModelId: MODEL, before: [], after: PATHS });
    await service.handle(queue.jobs[0]?.payload);

    await service.request({ processModelId: MODEL, before: [], after: PATHS });
    const trial = await service.request({ processModelId: MODEL, paths: PATHS, limit: 5 });

    expect(trial).toMatchObject({ created: true });
    expect(await service.list()).toHaveLength(3);
  });
});

describe('a queue that is down', () => {
  test('loses no request: the error names the run, and asking again enqueues it', async () => {
    const { repository, queue } = setUp();
    let isDown = true;
    const failing: BackfillQueue = {
      enqueue: async (job) => {
        if (isDown) throw new Error('queue is down');
        return queue.enqueue(job);
      },
    };
    const service = createBackfillService({ repository, queue: failing, runtime: testRuntime() });
    const request = { processModelId: MODEL, before: [], after: PATHS };

    const error: unknown = await service.request(request).catch((thrown: unknown) => thrown);

    const [run] = await service.list({ active: true });
    expect(run).toMatchObject({ state: 'pending' });
    expect(error).toMatchObject({ code: 'PORT_FAILED', retryable: true, runId: run?.runId });
    expect(String(error)).toContain(run?.runId);
    isDown = false;
    expect(await service.request(request)).toMatchObject({ created: false, runId: run?.runId });
    expect(await service.handle(queue.jobs[0]?.payload)).toMatchObject({ state: 'completed', processed: 30 });
  });
});

describe('handle', () => {
  test('works a slice, enqueues the continuation under the next step, and so on to the end', async () => {
    const { service, queue, repository } = setUp({ batchSize: 5, sliceMs: 25, runtime: testRuntime(1, 10) });
    await service.request({ processModelId: MODEL, before: [], after: PATHS });
    const states: string[] = [];

    for (let next = 0; next < queue.jobs.length; next += 1) {
      states.push((await service.handle(queue.jobs[next]?.payload)).state);
    }

    expect(states.length).toBeGreaterThan(2);
    expect(states.slice(0, -1)).toEqual(Array(states.length - 1).fill('continued'));
    expect(states.at(-1)).toBe('completed');
    expect(queue.jobs.map(({ payload }) => payload.step)).toEqual(states.map((_, index) => index));
    expect(new Set(queue.jobs.map(({ key }) => key)).size).toBe(queue.jobs.length);
    expect(repository.metadata(30)).toEqual({ invoice_number: 'INV-30' });
  });

  test('hands over when it is aborted, and says so', async () => {
    const { service, queue } = setUp({ batchSize: 5 });
    await service.request({ processModelId: MODEL, before: [], after: PATHS });
    const controller = new AbortController();

    const report = await service.handle(queue.jobs[0]?.payload, {
      signal: controller.signal,
      onProgress: ({ processed }) => processed === 10 && controller.abort(),
    });

    expect(report).toMatchObject({ state: 'continued', processed: 10 });
    expect(queue.jobs).toHaveLength(2);
    expect(await service.handle(queue.jobs[1]?.payload)).toMatchObject({
      state: 'completed',
      processed: 30,
      updated: 30,
    });
  });

  test('drops a job that is delivered again after its successor has committed', async () => {
    const { service, queue } = setUp({ batchSize: 5, sliceMs: 1, runtime: testRuntime(1, 10) });
    await service.request({ processModelId: MODEL, before: [], after: PATHS });
    await service.handle(queue.jobs[0]?.payload);
    await service.handle(queue.jobs[1]?.payload);

    const report = await service.handle(queue.jobs[0]?.payload);

    expect(report).toMatchObject({ state: 'superseded', processed: 10 });
    expect(queue.jobs).toHaveLength(3);
  });

  test('rescues a run whose worker died between its last commit and the enqueueing', async () => {
    const { service, queue } = setUp({ batchSize: 5, sliceMs: 1, runtime: testRuntime(1, 10) });
    await service.request({ processModelId: MODEL, before: [], after: PATHS });
    await service.handle(queue.jobs[0]?.payload);
    queue.jobs.splice(1); // the continuation never arrived

    const rescue = await service.handle(queue.jobs[0]?.payload);
    const again = await service.handle(queue.jobs[0]?.payload);

    expect(rescue.state).toBe('continued');
    expect(again.state).toBe('superseded');
    expect(queue.jobs.slice(1).map(({ payload }) => payload.step)).toEqual([2]);
  });

  test('works on a step that is not allotted: the database has lost that', async () => {
    const { service, queue } = setUp();
    await service.request({ processModelId: MODEL, before: [], after: PATHS });

    const report = await service.handle({ ...queue.jobs[0]?.payload, step: 7 });

    expect(report).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('reports a run that has ended, and does nothing', async () => {
    const { service, queue } = setUp();
    await service.request({ processModelId: MODEL, before: [], after: PATHS });
    await service.handle(queue.jobs[0]?.payload);

    expect(await service.handle(queue.jobs[0]?.payload)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('rejects a job whose run is not there yet, and says that it may be delivered again', async () => {
    const { service } = setUp();

    const error: unknown = await service
      .handle({ runId: 'later', shard: 0, step: 0 })
      .catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ name: 'RunError', code: 'RUN_NOT_FOUND', retryable: true });
  });

  const good = { runId: 'x', shard: 0, step: 0 };
  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /job payload: expected an object such as { runId, shard, step }, got nothing/],
    ['text', '{}', /job payload: expected an object such as { runId, shard, step }, got "\{\}"/],
    ['an unknown member', { ...good, after: 5 }, /after: unknown name; expected one of runId, shard, step/],
    [
      'a missing member',
      { runId: 'x', shard: 0 },
      /step: expected a whole number of at least 0, got nothing/,
    ],
    ['inherited members', Object.create(good), /runId: expected the id of a run, got nothing/],
    ['a negative step', { ...good, step: -1 }, /step: expected a whole number of at least 0, got -1/],
    ['a step that is text', { ...good, step: '1' }, /step: expected a whole number of at least 0, got "1"/],
    ['a run id with SQL in it', { ...good, runId: "'; drop table" }, /runId: expected the id of a run/],
  ])('refuses a payload with %s before any I/O, for good', async (_, payload, message) => {
    const calls: string[] = [];
    const repository = intercept(createMemoryRepository(), async ({ method, proceed }) => {
      calls.push(method);
      return proceed();
    });
    const service = createBackfillService({ repository, queue: recordingQueue() });

    const error: unknown = await service.handle(payload).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ name: 'InvalidInputError', retryable: false });
    expect(String(error)).toMatch(message);
    expect(calls).toEqual([]);
  });
});

describe('status and list', () => {
  test('show what is stored', async () => {
    const { service, queue } = setUp();
    const result = await service.request({ processModelId: MODEL, before: [], after: PATHS });
    const runId = 'runId' in result ? result.runId : '';
    await service.handle(queue.jobs[0]?.payload);

    expect(await service.status(runId)).toMatchObject({
      runId,
      processModelId: MODEL,
      state: 'completed',
      total: 30,
      processed: 30,
      lastError: null,
      createdAt: expect.any(Number),
      endedAt: expect.any(Number),
    });
    expect(await service.list({ processModelId: MODEL, active: false })).toMatchObject([
      { runId, paths: [{ key: 'invoice_number', path: ['invoice', 'number'], mode: 'fill' }] },
    ]);
    expect(await service.list({ active: true })).toEqual([]);
    expect(await service.list({ processModelId: 'other' })).toEqual([]);
  });

  test('list pages from the newest run back', async () => {
    const { service } = setUp();
    for (const limit of [1, 2, 3]) await service.request({ processModelId: MODEL, paths: PATHS, limit });

    const [newest, second] = await service.list({ limit: 2 });
    const rest = await service.list({ before: second?.runId });

    expect(rest).toHaveLength(1);
    expect([newest, second, ...rest].map((run) => run?.runId)).toEqual(
      (await service.list()).map(({ runId }) => runId),
    );
  });

  test('say clearly that a run is not there', async () => {
    const { service } = setUp();

    await expect(service.status('unknown')).rejects.toMatchObject({
      code: 'RUN_NOT_FOUND',
      message: 'No run "unknown" is stored. Check the id; list() of a service shows the runs there are.',
    });
    await expect(service.status('')).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});

describe('transactions', () => {
  test('are refused at creation unless both ports take part in them', () => {
    const repository = { ...createMemoryRepository(), transactional: true };

    expect(() => createBackfillService({ repository, queue: recordingQueue(), transactional: true })).toThrow(
      /the queue does not declare transactional: true/,
    );
    const queue = { ...recordingQueue(), transactional: true };
    expect(() => createBackfillService({ repository, queue, transactional: true })).not.toThrow();
  });

  test('are refused at a request to a service that was not created for them', async () => {
    const { repository, queue } = setUp();
    const service = createBackfillService<unknown>({ repository, queue });
    const request = { processModelId: MODEL, paths: PATHS, transaction: {} };

    await expect(service.request(request)).rejects.toThrow(/created without transactional: true/);
    expect(queue.jobs).toEqual([]);
  });
});

describe('with the in-process queue', () => {
  test('a model update becomes metadata', async () => {
    const repository = createMemoryRepository({ instances: invoices(30) });
    const queue = createInProcessQueue();
    const service = createBackfillService({ repository, queue, batchSize: 4, sliceMs: 1 });

    const result = await service.request({ processModelId: MODEL, before: [], after: PATHS });
    queue.work((payload, { signal }) => service.handle(payload, { signal }));
    await queue.idle();

    const runId = 'runId' in result ? result.runId : '';
    expect(await service.status(runId)).toMatchObject({ state: 'completed', processed: 30, updated: 30 });
  });

  test('stop aborts and settles, and another worker goes on', async () => {
    const repository = createMemoryRepository({ instances: invoices(30) });
    const queue = createInProcessQueue();
    const service = createBackfillService({ repository, queue, batchSize: 4 });
    const result = await service.request({ processModelId: MODEL, before: [], after: PATHS });
    const runId = 'runId' in result ? result.runId : '';

    let stopped: Promise<void> | null = null;
    queue.work((payload, { signal }) =>
      service.handle(payload, {
        signal,
        onProgress: ({ processed }) => {
          if (processed === 8) stopped = queue.stop();
        },
      }),
    );
    await queue.idle();
    await stopped;

    expect(await service.status(runId)).toMatchObject({ state: 'running', processed: 8 });
    queue.work((payload) => service.handle(payload));
    await queue.idle();
    expect(await service.status(runId)).toMatchObject({ state: 'completed', processed: 30, updated: 30 });
  });
});
