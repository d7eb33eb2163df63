import { describe, expect, test } from 'vitest';
import {
  type BackfillQueue,
  createBackfillService,
  type ExtractionPath,
  type InstanceSnapshot,
  type PageQuery,
  type PortError,
  type RepositoryCommit,
  type RunRecord,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { noOwners, ownersFrom, ownersRecord } from '../../src/run/record/owner-record.js';
import { instance, MODEL } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';
import { BILL, CITY, createManualQueue, dataOf, NUMBER, requestRun } from './support/two-paths.js';

/** Thirty instances in batches of ten. The last one cannot be read. */
function setUp() {
  const memory = createMemoryRepository();
  for (let id = 1; id < 30; id += 1) memory.insertInstance(instance(id, dataOf(id)));
  memory.insertInstance({
    id: 30,
    processModelId: MODEL,
    tasks: [{ state: 'COMPLETED', endedAt: 1, json: '{' }],
  });
  const { jobs, queue, ...manual } = createManualQueue();
  const around: { call: ((method: string) => Promise<void>) | null; batches: number } = {
    call: null,
    batches: 0,
  };
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    const isBatch = method === 'commit' && (argument as { instances: unknown[] }).instances.length > 0;
    if (isBatch) around.batches += 1;
    await around.call?.(isBatch ? `batch ${around.batches}` : method);
    return proceed();
  });
  const retry = { attempts: 1 };
  const service = createBackfillService({ repository, queue, retry, runtime: testRuntime(), batchSize: 10 });
  const work = () => manual.work(service);
  return {
    memory,
    repository,
    service,
    around,
    jobs,
    request: (paths: readonly ExtractionPath[], rest?: object) => requestRun(service, paths, rest),
    update: (before: readonly ExtractionPath[], after: readonly ExtractionPath[], rest: object = {}) =>
      service.request({ processModelId: MODEL, before, after, ...rest }),
    work,
    /** Lets a job get as far as its second batch, and stop there. */
    async workOnOneBatch(runId: string) {
      around.batches = 0;
      around.call = async (call) => {
        if (call === 'batch 2') await service.pause(runId);
      };
      await work();
      around.call = null;
    },
  };
}

describe('a run that failed, and is resumed after a newer one has completed', () => {
  test('has lost its only key: the newer values stay', async () => {
    const { service, memory, request, work } = setUp();
    const older = await request([NUMBER], { mode: 'overwrite', maxFailures: 0 });
    await work();
    expect((await service.status(older)).state).toBe('failed');
    const newer = await request([BILL], { mode: 'overwrite' });
    await work();

    const resumed = await service.resume(older);
    await work();

    expect(resumed).toMatchObject({
      state: 'cancelled',
      lastError: `run ${newer} has taken over its last key`,
    });
    expect(memory.metadata(1)).toEqual({ number: 'new 1' });
    expect(memory.metadata(29)).toEqual({ number: 'new 29' });
  });

  test('goes on with the keys that it still has', async () => {
    const { service, memory, request, work, workOnOneBatch } = setUp();
    const older = await request([NUMBER, CITY], { mode: 'overwrite' });
    await workOnOneBatch(older);
    await request([BILL], { mode: 'overwrite' });
    await work();

    await service.resume(older);
    await work();

    expect(memory.metadata(1)).toEqual({ number: 'new 1', city: 'city 1' });
    expect(memory.metadata(29)).toEqual({ number: 'new 29', city: 'city 29' });
    const { warnings } = await service.status(older);
    expect(warnings[0]).toMatch(/^Key "number" was taken over by run /);
  });

  test('has lost it for runBackfill, too', async () => {
    const { repository, memory, request, work } = setUp();
    const older = await request([NUMBER], { mode: 'overwrite', maxFailures: 0 });
    await work();
    await runBackfill({ repository, processModelId: MODEL, paths: [BILL], mode: 'overwrite' });

    const report = await runBackfill({ repository, runId: older });

    expect(report.state).toBe('cancelled');
    expect(memory.metadata(1)).toEqual({ number: 'new 1' });
  });

  test('keeps its key after a newer run from the same path: both may go on', async () => {
    const { service, request, work } = setUp();
    const older = await request([NUMBER], { maxFailures: 0 });
    await work();
    await request([NUMBER], { mode: 'overwrite' });

    expect((await service.resume(older)).state).toBe('running');
  });
});

describe('a trial from another path', () => {
  test('takes no key, and has lost its own once a run over all instances was requested', async () => {
    const { service, memory, request, work } = setUp();
    const full = await request([BILL]);
    await work();
    const trial = await request([NUMBER], { mode: 'overwrite', instanceIds: [1, 30], maxFailures: 0 });
    await work();
    expect((await service.status(trial)).state).toBe('failed');
    expect(memory.metadata(1)).toEqual({ number: 'old 1' });
    await request([BILL], { mode: 'overwrite' });
    await work();

    expect((await service.resume(trial)).state).toBe('cancelled');

    expect((await service.status(full)).state).toBe('completed_with_failures');
    expect(memory.metadata(1)).toEqual({ number: 'new 1' });
  });
});

describe('a model update, while a run fills its keys', () => {
  test('stops the run for the key that it removes', async () => {
    const { service, memory, request, around, work, update } = setUp();
    const runId = await request([NUMBER, CITY]);
    around.call = async (call) => {
      if (call === 'batch 2')
        expect(await update([NUMBER, CITY], [CITY])).toMatchObject({ status: 'skipped' });
    };

    await work();

    expect(memory.metadata(10)).toEqual({ number: 'old 10', city: 'city 10' });
    expect(memory.metadata(11)).toEqual({ city: 'city 11' });
    const { state, warnings } = await service.status(runId);
    expect(state).toBe('completed_with_failures');
    expect(warnings[0]).toBe(
      'Key "number" was removed from the model, or reads another path there. This run no longer writes it.',
    );
  });

  test('ends the run that has no other key, for good', async () => {
    const { service, request, update } = setUp();
    const runId = await request([NUMBER]);
    await update([NUMBER], []);

    expect(await service.status(runId)).toMatchObject({
      state: 'cancelled',
      lastError: 'an update of the model has taken over its last key',
    });
  });

  test('has the key filled from its new path, which the run still owed', async () => {
    const { service, memory, request, workOnOneBatch, work, update } = setUp();
    const runId = await request([NUMBER]);
    await workOnOneBatch(runId);

    expect(await update([NUMBER], [BILL])).toMatchObject({
      status: 'triggered',
      keys: ['number'],
      created: true,
    });
    await work();

    expect((await service.status(runId)).state).toBe('cancelled');
    expect(memory.metadata(1)).toEqual({ number: 'new 1' });
    expect(memory.metadata(29)).toEqual({ number: 'new 29' });
  });

  test('leaves a changed key as it is whose run has completed', async () => {
    const { memory, request, work, update } = setUp();
    await request([NUMBER]);
    await work();

    expect(await update([NUMBER], [BILL])).toMatchObject({ status: 'skipped' });
    await work();

    expect(memory.metadata(1)).toEqual({ number: 'old 1' });
  });

  test('stops a run that had failed, for the time when it is resumed', async () => {
    const { service, memory, request, work, update } = setUp();
    const runId = await request([NUMBER], { maxFailures: 0 });
    await work();
    await update([NUMBER], []);
    memory.deleteMetadata(1, 'number');

    expect((await service.resume(runId)).state).toBe('cancelled');
  });

  test('repeated, joins the run that it has started', async () => {
    const { request, workOnOneBatch, update } = setUp();
    await workOnOneBatch(await request([NUMBER]));
    const first = await update([NUMBER], [BILL]);

    expect(await update([NUMBER], [BILL])).toMatchObject({ created: false, runId: Object(first).runId });
  });
});

describe('a key that is taken from a run that never completed', () => {
  test('loses the values of the old path, also in fill, and no other ones', async () => {
    const { service, memory, request, workOnOneBatch, work } = setUp();
    await workOnOneBatch(await request([NUMBER]));
    memory.setMetadata(2, 'number', 'by hand');
    memory.updateInstance(3, {
      tasks: [{ state: 'COMPLETED', endedAt: 1, data: { invoice: { number: 'old 3' } } }],
    });

    const newer = await request([BILL]);
    await work();

    expect(memory.metadata(1)).toEqual({ number: 'new 1' });
    expect(memory.metadata(2)).toEqual({ number: 'by hand' });
    expect(memory.metadata(3)).toEqual({ number: null });
    expect(memory.metadata(11)).toEqual({ number: 'new 11' });
    const { keys, warnings } = await service.status(newer);
    expect(keys.number).toMatchObject({ written: 27, replaced: 8, kept: 1, cleared: 1, orphaned: 1 });
    expect(warnings).toContain(
      `Key "number" was taken over from a run that had not completed. Values kept because they differ from what its path gives: 1. Check them, or request the key with mode 'overwrite'.`,
    );
  });

  test('keeps the values of a run that has completed', async () => {
    const { memory, request, work } = setUp();
    await request([NUMBER]);
    await work();
    await request([BILL]);
    await work();

    expect(memory.metadata(1)).toEqual({ number: 'old 1' });
  });

  test('remembers the old path until a run has completed', async () => {
    const { service, memory, request, workOnOneBatch, work } = setUp();
    await workOnOneBatch(await request([NUMBER]));
    await service.cancel(await request([BILL]));
    await request([{ key: 'number', path: 'city' }]);
    await work();

    expect(memory.metadata(1)).toEqual({ number: 'city 1' });
  });
});

test.each([
  ['is damaged', { definition: 5 }],
  ['was stored by a newer version', { format: 2 }],
])("a trial whose record %s is nobody else's business", async (_, change) => {
  const memory = createMemoryRepository({ instances: [1, 2, 3].map((id) => instance(id, dataOf(id))) });
  const run = { processModelId: MODEL, runtime: testRuntime() };
  const trial = await runBackfill({ ...run, repository: memory, paths: [NUMBER], limit: 1 });
  const repository = intercept(memory, async ({ method, proceed }) => {
    const answer = await proceed();
    if (method !== 'loadRun' && method !== 'findRuns') return answer;
    return (answer as readonly RunRecord[]).map((record) =>
      record.runId === trial.runId
        ? { ...record, content: { ...Object(record.content), ...change } }
        : record,
    );
  });

  const report = await runBackfill({ ...run, repository, paths: [CITY] });

  expect(report).toMatchObject({ state: 'completed', updated: 3 });
});

test('an instance that is read again by its id is compared with the former path, too', async () => {
  const memory = createMemoryRepository();
  for (let id = 1; id <= 20; id += 1) memory.insertInstance({ ...instance(id, dataOf(id)), running: true });
  const read = (data: unknown, segments: readonly string[]) =>
    segments.reduce<unknown>((value, segment) => Object(value)[segment], data) as string;
  let saves = 0;
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method === 'commit' && (argument as RepositoryCommit).instances.length > 0) {
      saves += 1;
      // The second run meets a save between its first page and the commit.
      if (saves === 2)
        memory.updateInstance(1, { tasks: [{ state: 'COMPLETED', endedAt: 2, data: dataOf(1) }] });
    }
    const answer = await proceed();
    if (method !== 'readInstances') return answer;
    const { paths } = argument as PageQuery;
    return (answer as readonly InstanceSnapshot[]).map(({ data, ...shown }) => {
      const document = data.form === 'parsed' ? data.value : null;
      const values = new Map(paths.map(({ key, segments }) => [key, read(document, segments)]));
      return { ...shown, data: { form: 'values', values } };
    });
  });
  const run = { repository, processModelId: MODEL, runtime: testRuntime(), batchSize: 10 };
  const stopped = new AbortController();
  const first = runBackfill({
    ...run,
    paths: [NUMBER],
    signal: stopped.signal,
    onProgress: ({ visited }) => visited === 10 && stopped.abort(),
  });
  await expect(first).rejects.toThrow();

  const report = await runBackfill({ ...run, paths: [BILL] });

  expect(report).toMatchObject({ state: 'completed', processed: 20 });
  expect(report.keys.number).toMatchObject({ written: 20, replaced: 10, kept: 0 });
  for (let id = 1; id <= 20; id += 1) expect(memory.metadata(id)).toEqual({ number: `new ${id}` });
});

describe('two requests at once for one key', () => {
  test('leave one owner, and one path in the column', async () => {
    for (const first of [NUMBER, BILL]) {
      const { service, memory, request, work } = setUp();
      const second = first === NUMBER ? BILL : NUMBER;

      const runs = await Promise.all([
        request([first]),
        request([second]),
        request([first], { mode: 'overwrite' }),
      ]);
      const active = await service.list({ active: true });
      await work();

      const paths = new Set(active.map(({ runId }) => (runId === runs[1] ? 'second' : 'first')));
      expect(paths.size).toBe(1);
      const word = String(memory.metadata(1)?.number).split(' ')[0];
      for (let id = 1; id < 30; id += 1) expect(memory.metadata(id)).toEqual({ number: `${word} ${id}` });
    }
  });
});

test('a database that goes down in the middle of a request leaves the old run or the new one', async () => {
  const outcomes = new Set<string>();
  for (let fatal = 1; fatal < 20; fatal += 1) {
    const { service, request, around, jobs } = setUp();
    const older = await request([NUMBER]);
    jobs.length = 0;
    let calls = 0;
    around.call = async () => {
      calls += 1;
      if (calls === fatal) throw databaseError('ECONNRESET');
    };
    const error = await request([BILL]).then(
      () => null,
      (thrown: PortError) => thrown,
    );
    around.call = null;
    const [active, ...others] = await service.list({ active: true });
    expect(others).toEqual([]);
    expect(active).toBeDefined();
    outcomes.add(active?.runId === older ? 'old' : 'new');
    expect(error === null).toBe(active?.runId !== older);
    if (error !== null) expect(error.message).not.toContain('go on with runId');
    if (fatal > calls) break;
  }
  expect(outcomes).toEqual(new Set(['old', 'new']));
});

test('a request in a transaction that sees an older state asks the host to begin again', async () => {
  const memory = createMemoryRepository({ instances: [instance(1, dataOf(1))] });
  const queue: BackfillQueue<string> = { transactional: true, enqueue: async () => {} };
  const repository = {
    ...memory,
    transactional: true,
    commit: async () => ({ status: 'conflict' as const }),
  };
  const service = createBackfillService<string>({ repository, queue, transactional: true });

  const request = service.request({ processModelId: MODEL, paths: [NUMBER], transaction: 'open' });

  await expect(request).rejects.toMatchObject({ code: 'PORT_FAILED', retryable: true });
  await expect(request).rejects.toThrow(/Begin the transaction again, at READ COMMITTED/);
});

describe('an owner record', () => {
  const sound = {
    key: 'city',
    generation: 1,
    segments: ['city'],
    filler: 'a run',
    formerPaths: [['town']],
    tried: false,
    verified: null,
  };
  const recordOf = (keys: readonly object[]): RunRecord => ({
    ...ownersRecord(noOwners(MODEL), '0000000000000001'),
    content: JSON.parse(JSON.stringify({ format: 1, keys, trials: [] })),
  });

  test('of the first version, which stored no trials, is read', () => {
    const record = ownersRecord({ ...noOwners(MODEL), trials: ['a run'] }, '0000000000000001');
    const { trials, ...content } = record.content as { readonly trials: readonly string[] };

    expect(ownersFrom(record)).toMatchObject({ keys: [], trials });
    expect(ownersFrom({ ...record, content })).toMatchObject({ keys: [], trials: [] });
  });

  test.each<[string, object]>([
    ['of the first version, which stored no verification,', { verified: undefined }],
    ['with a key that has only been tried', { filler: null, segments: null, tried: true }],
  ])('%s is read', (_, change) => {
    expect(ownersFrom(recordOf([{ ...sound, ...change }])).keys).toEqual([
      { ...sound, ...change, verified: null },
    ]);
  });

  test.each<[string, object]>([
    ['key', { key: 7 }],
    ['generation', { generation: -1 }],
    ['path', { segments: 'city' }],
    ['filler', { filler: 7 }],
    ['no filler', { filler: undefined }],
    ['former paths', { formerPaths: ['town'] }],
    ['tried', { tried: 'no' }],
    ['nothing says whether it was tried', { tried: undefined }],
    ['verification', { verified: {} }],
  ])('is refused if it is damaged: %s', (_, change) => {
    const record = recordOf([sound, { ...sound, ...change }]);

    expect(() => ownersFrom(record)).toThrow(
      expect.objectContaining({
        code: 'RUN_FORMAT',
        message: expect.stringContaining(`has a damaged record ${record.id}: keys cannot be read`),
      }),
    );
  });
});
