import { beforeEach, describe, expect, test } from 'vitest';
import { createBackfillService, type ExtractionPath, type Runtime } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, MODEL } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';
import { BILL, CITY, createManualQueue, dataOf, NUMBER, requestRun } from './support/two-paths.js';

/** Twenty instances, in batches of ten. Every fifth has no city. */
function setUp() {
  const memory = createMemoryRepository();
  for (let id = 1; id <= 20; id += 1) {
    const { city, ...rest } = dataOf(id);
    memory.insertInstance(instance(id, id % 5 === 0 ? rest : { ...rest, city }));
  }
  const { queue, work } = createManualQueue();
  const calls: string[] = [];
  const lost = { runId: '' };
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    calls.push(method);
    const answer = await proceed();
    return method === 'loadRun' && String(argument) === lost.runId ? [] : answer;
  });
  const logger = linesLogger();
  const { lines } = logger;
  const runtime: Runtime = testRuntime();
  const service = createBackfillService({ repository, queue, runtime, logger, batchSize: 10 });
  return {
    memory,
    repository,
    service,
    calls,
    lines,
    lost,
    work: (most?: number) => work(service, most),
    request: (paths: readonly ExtractionPath[], rest?: object) => requestRun(service, paths, rest),
    columns: () => service.columns(MODEL),
    async column(key: string) {
      return (await service.columns(MODEL)).find((column) => column.key === key);
    },
  };
}

let world: ReturnType<typeof setUp>;
beforeEach(() => {
  world = setUp();
});

describe('columns', () => {
  test('says of each key where it is read, who fills it, and how far that is', async () => {
    const { request, work, columns, service } = world;
    const runId = await request([NUMBER, CITY], { requestedBy: 'ann', reason: 'new report' });

    const waiting = await columns();
    await work();
    const filled = await columns();

    const { createdAt, endedAt } = await service.status(runId);
    expect(waiting[0]).toMatchObject({ state: 'pending', completedAt: null, activeRunIds: [runId] });
    expect(waiting[0]?.coverage).toMatchObject({ written: 0, total: 0, covered: false });
    const common = {
      runId,
      state: 'completed',
      mode: 'fill',
      requestedAt: createdAt,
      completedAt: endedAt,
      requestedBy: 'ann',
      reason: 'new report',
      removed: false,
      tried: false,
      activeRunIds: [],
      verifyingRunIds: [],
      verified: null,
    };
    const none = {
      kept: 0,
      null: 0,
      missing: 0,
      failed: 0,
      replaced: 0,
      orphaned: 0,
      cleared: 0,
      truncated: 0,
    };
    const whole = { ...none, total: 20, covered: true };
    expect(filled).toEqual([
      { ...common, key: 'number', path: ['invoice', 'number'], coverage: { ...whole, written: 20 } },
      { ...common, key: 'city', path: ['city'], coverage: { ...whole, written: 16, missing: 4 } },
    ]);
  });

  test('is empty for a model whose keys nobody has requested', async () => {
    expect(await world.service.columns('test_group/other')).toEqual([]);
    expect(world.calls).toEqual(['loadRun']);
  });

  test('shows the run that has taken a key, and the other keys as they were', async () => {
    const { request, work, column } = world;
    const both = await request([NUMBER, CITY]);
    await work();
    const newer = await request([BILL], { mode: 'overwrite' });

    expect(await column('number')).toMatchObject({
      path: ['bill', 'number'],
      runId: newer,
      state: 'pending',
    });
    expect(await column('city')).toMatchObject({ runId: both, state: 'completed' });
  });

  test('says that a key was removed, with or without its values', async () => {
    const { request, work, column, service } = world;
    await request([NUMBER, CITY]);
    await work();
    await service.request({ processModelId: MODEL, before: [CITY], after: [] });
    const purge = await request([NUMBER], { mode: 'remove' });
    await work();

    expect(await column('city')).toMatchObject({ path: null, runId: null, state: null, removed: false });
    expect(await column('number')).toMatchObject({ path: null, runId: purge, mode: 'remove', removed: true });
  });

  test('of a run over some instances, only says that the key was tried', async () => {
    const { request, work, column } = world;
    const trial = await request([CITY], { limit: 3 });
    expect(await column('city')).toMatchObject({
      runId: null,
      path: null,
      tried: true,
      activeRunIds: [trial],
    });
    await work();
    expect(await column('city')).toMatchObject({ coverage: null, tried: true, activeRunIds: [] });

    await request([CITY]);
    await work();

    expect(await column('city')).toMatchObject({ tried: false, coverage: { total: 20, covered: true } });
  });

  test('covers no key that has failed in an instance', async () => {
    const { memory, request, work, column } = world;
    memory.insertInstance(instance(21, { invoice: { number: Number.NaN }, city: 'Oslo' }));
    await request([NUMBER, CITY]);
    await work();

    expect(await column('number')).toMatchObject({ coverage: { failed: 1, total: 21, covered: false } });
    expect(await column('city')).toMatchObject({ coverage: { failed: 0, total: 21, covered: true } });
  });

  test('does not count a dry run among the runs that write a key', async () => {
    const { request, work, column } = world;
    const runId = await request([CITY]);
    await work();
    await request([CITY], { mode: 'overwrite', clear: true, dryRun: true });

    expect(await column('city')).toMatchObject({ runId, activeRunIds: [] });
  });

  test('keeps the column of a run whose records were deleted', async () => {
    const { request, work, column, lost } = world;
    const runId = await request([CITY]);
    await work();
    lost.runId = runId;

    expect(await column('city')).toMatchObject({
      path: ['city'],
      runId,
      state: null,
      mode: null,
      coverage: null,
      requestedAt: null,
      completedAt: null,
    });
  });

  test('keeps the column of a run whose record is damaged, and warns', async () => {
    const { request, work, column, lines, repository } = world;
    const runId = await request([CITY]);
    await work();
    const [header] = (await repository.loadRun(runId)).filter(({ id }) => id === runId);
    if (header === undefined) throw new Error('no header');
    await repository.commit({
      processModelId: MODEL,
      expected: [{ id: header.id, revision: header.revision }],
      instances: [],
      next: () => [{ ...header, revision: 'damaged', content: { ...Object(header.content), walk: 'x' } }],
    });

    expect(await column('city')).toMatchObject({ runId, state: null, coverage: null });
    expect(lines.filter((line) => line.includes('Left out'))).toHaveLength(1);
  });

  test('loads the record of the model, its active runs, and each run once', async () => {
    const { request, work, columns, calls } = world;
    await request([NUMBER, CITY, { key: 'bill', path: 'bill.number' }]);
    await work();
    await request([{ key: 'other', path: 'other' }]);
    calls.length = 0;

    await columns();

    expect(calls).toEqual(['loadRun', 'findRuns', 'loadRun', 'loadRun']);
  });

  test.each([
    ['a number', 7],
    ['nothing', undefined],
    ['a blank', ' '],
  ])('refuses %s instead of a model before any call', async (_, processModelId) => {
    await expect(world.service.columns(processModelId as string)).rejects.toThrow(/processModelId: expected/);
    expect(world.calls).toEqual([]);
  });
});
