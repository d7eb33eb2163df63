import { describe, expect, test } from 'vitest';
import {
  type BackfillProgress,
  createBackfillService,
  type KeyCounts,
  type RepositoryCommit,
  runBackfill,
} from '../../src/index.js';
import { createInProcessQueue, createMemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';

const counts = (given: Partial<KeyCounts>): KeyCounts => ({
  written: 0,
  kept: 0,
  null: 0,
  missing: 0,
  failed: 0,
  replaced: 0,
  orphaned: 0,
  cleared: 0,
  truncated: 0,
  ...given,
});

describe('a run over all instances of a model', () => {
  test('fills in the value of every instance and says so', async () => {
    const repository = createMemoryRepository({ instances: invoices(250) });

    const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS });

    expect(report).toMatchObject({
      processModelId: MODEL,
      state: 'completed',
      dryRun: false,
      total: 250,
      processed: 250,
      updated: 250,
      failed: 0,
      gone: 0,
      keys: { invoice_number: counts({ written: 250 }) },
      failures: [],
    });
    expect(repository.metadata(250)).toEqual({ invoice_number: 'INV-250' });
  });

  test('leaves the instances of other models alone', async () => {
    const other = instance('other', { invoice: { number: 'X' } }, { processModelId: 'other/model' });
    const repository = createMemoryRepository({ instances: [...invoices(2), other] });

    const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS });

    expect(report.total).toBe(2);
    expect(repository.metadata('other')).toEqual({});
  });

  test('completes at once when the model has no instances', async () => {
    const repository = createMemoryRepository();

    const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS });

    expect(report).toMatchObject({ state: 'completed', total: 0, processed: 0 });
  });

  test('reads the newest completed task, whatever other tasks there are', async () => {
    const data = (number: string) => ({ invoice: { number } });
    const tasks = [
      { state: 'COMPLETED', endedAt: null, data: data('never ended') },
      { state: 'COMPLETED', endedAt: 10, data: data('older') },
      { id: 'b', state: 'COMPLETED', endedAt: 20, data: data('same time, higher id') },
      { id: 'a', state: 'COMPLETED', endedAt: 20, data: data('newest') },
      { state: 'READY', endedAt: 30, data: data('not completed') },
    ];
    const repository = createMemoryRepository({ instances: [instance(1, null, { tasks })] });

    await runBackfill({ repository, processModelId: MODEL, paths: PATHS });

    expect(repository.metadata(1)).toEqual({ invoice_number: 'newest' });
  });

  test('tells missing data from a JSON null, and writes a null row for both', async () => {
    const repository = createMemoryRepository({
      instances: [
        instance(1, { invoice: { number: null } }),
        instance(2, { invoice: 7 }),
        instance(3, {}, { tasks: [] }),
      ],
    });

    const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS });

    expect(report.keys.invoice_number).toEqual(counts({ null: 1, missing: 2 }));
    expect(report.updated).toBe(0);
    expect([1, 2, 3].map((id) => repository.metadata(id))).toEqual(Array(3).fill({ invoice_number: null }));
  });

  test("writes no null rows with missing: 'omit'", async () => {
    const repository = createMemoryRepository({ instances: [instance(1, {})] });

    const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS, missing: 'omit' });

    expect(report.keys.invoice_number).toEqual(counts({ missing: 1 }));
    expect(repository.metadata(1)).toEqual({});
  });

  test('gives a running instance its values but no null rows', async () => {
    const paths = [...PATHS, { key: 'city', path: 'city' }];
    const running = instance(1, { city: 'Turin' }, { running: true });
    const repository = createMemoryRepository({ instances: [running] });

    const report = await runBackfill({ repository, processModelId: MODEL, paths });

    expect(repository.metadata(1)).toEqual({ city: 'Turin' });
    expect(report.keys).toEqual({ invoice_number: counts({ missing: 1 }), city: counts({ written: 1 }) });
  });

  test('counts an instance as updated when at least one of its keys got a value', async () => {
    const paths = [...PATHS, { key: 'city', path: 'city' }];
    const repository = createMemoryRepository({
      instances: [instance(1, { city: 'Turin' }), instance(2, {})],
    });

    const report = await runBackfill({ repository, processModelId: MODEL, paths });

    expect(report).toMatchObject({ processed: 2, updated: 1 });
  });

  test('stores falsy values, objects and a key named __proto__', async () => {
    const paths = ['zero', 'empty', 'no', 'list', '__proto__'].map((key) => ({ key, path: key }));
    const data: unknown = JSON.parse('{"zero":0,"empty":"","no":false,"list":[{"a":1}],"__proto__":"mine"}');
    const repository = createMemoryRepository({ instances: [instance(1, data)] });

    const report = await runBackfill({ repository, processModelId: MODEL, paths });

    expect(JSON.stringify(repository.metadata(1))).toBe(JSON.stringify(data));
    expect(Object.keys(report.keys)).toEqual(paths.map(({ key }) => key));
  });
});

describe('fill and overwrite', () => {
  const existing = () =>
    createMemoryRepository({
      instances: [
        instance(1, { invoice: { number: 'new' } }, { metadata: { invoice_number: 'old' } }),
        instance(2, { invoice: { number: 'new' } }, { metadata: { invoice_number: null } }),
        instance(3, { invoice: { number: 'new' } }, { metadata: { invoice_number: 'new' } }),
        instance(4, {}, { metadata: { invoice_number: 'old' } }),
      ],
    });
  const stored = (repository: ReturnType<typeof existing>) =>
    [1, 2, 3, 4].map((id) => repository.metadata(id)?.invoice_number);

  test('fill replaces a null, and no value', async () => {
    const repository = existing();

    const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS });

    expect(stored(repository)).toEqual(['old', 'new', 'new', 'old']);
    expect(report.updated).toBe(1);
    expect(report.keys.invoice_number).toEqual(counts({ written: 1, kept: 3 }));
  });

  test('overwrite replaces values that differ, but none by null', async () => {
    const repository = existing();

    const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS, mode: 'overwrite' });

    expect(stored(repository)).toEqual(['new', 'new', 'new', 'old']);
    expect(report.updated).toBe(2);
    expect(report.keys.invoice_number).toEqual(
      counts({ written: 2, replaced: 1, kept: 1, missing: 1, orphaned: 1 }),
    );
  });

  test.each(['fill', 'overwrite'] as const)(
    '%s reports updated: 0 when nothing has changed since the last run',
    async (mode) => {
      const repository = existing();
      await runBackfill({ repository, processModelId: MODEL, paths: PATHS, mode });
      const before = stored(repository);

      const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS, mode });

      expect(report).toMatchObject({ state: 'completed', processed: 4, updated: 0 });
      expect(stored(repository)).toEqual(before);
    },
  );
});

describe('a part of the instances', () => {
  test('limit takes the first ones', async () => {
    const repository = createMemoryRepository({ instances: invoices(10) });

    const report = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      limit: 3,
      batchSize: 2,
    });

    expect(report).toMatchObject({ total: 3, processed: 3 });
    expect(repository.metadata(3)).toEqual({ invoice_number: 'INV-3' });
    expect(repository.metadata(4)).toEqual({});
  });

  test('instanceIds takes those that exist, each once', async () => {
    const repository = createMemoryRepository({ instances: invoices(10) });

    const report = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      instanceIds: [7, 2, 7, 99],
    });

    expect(report).toMatchObject({ state: 'completed', total: 2, processed: 2, gone: 0 });
    expect(repository.metadata(1)).toEqual({});
  });

  test('instances that are created while it runs are not its business', async () => {
    const repository = createMemoryRepository({ instances: invoices(4) });
    const onProgress = ({ processed }: BackfillProgress) => {
      if (processed === 2) repository.insertInstance(instance('late', { invoice: { number: 'LATE' } }));
    };

    const report = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      batchSize: 2,
      onProgress,
    });

    expect(report).toMatchObject({ state: 'completed', total: 4, processed: 4 });
    expect(repository.metadata('late')).toEqual({});
  });

  test('instances that are deleted while it runs are gone, and still add up', async () => {
    const repository = createMemoryRepository({ instances: invoices(6) });
    const onProgress = ({ processed }: BackfillProgress) => {
      if (processed === 2) repository.deleteInstance(5);
    };

    const report = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      batchSize: 2,
      onProgress,
    });

    expect(report).toMatchObject({ state: 'completed', total: 6, processed: 5, failed: 0, gone: 1 });
  });
});

describe('a dry run', () => {
  test('counts what it would write, writes nothing and stores no run', async () => {
    const repository = createMemoryRepository({ instances: invoices(25) });

    const report = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      dryRun: true,
      batchSize: 10,
    });

    expect(report).toMatchObject({ state: 'completed', dryRun: true, total: 25, processed: 25, updated: 25 });
    expect(repository.metadata(1)).toEqual({});
    expect(
      await repository.findRuns({
        processModelId: null,
        activeKey: null,
        active: null,
        before: null,
        limit: 9,
      }),
    ).toEqual([]);
  });
});

describe('instances that cannot be done', () => {
  test('are counted, named in report and log, and do not stop the run', async () => {
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    const repository = createMemoryRepository({
      instances: [
        instance(1, { invoice: { number: Number.NaN } }),
        instance(2, { invoice: { number: cyclic } }),
        instance(3, null, { tasks: [{ state: 'COMPLETED', json: '{"invoice":' }] }),
        instance('4\nforged', { invoice: { number: 5n } }),
        ...invoices(2).map((good) => ({ ...good, id: `good ${good.id}` })),
      ],
    });
    const logger = linesLogger();

    const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS, logger });

    expect(report).toMatchObject({
      state: 'completed_with_failures',
      total: 6,
      processed: 2,
      updated: 2,
      failed: 4,
    });
    expect(report.failures.map(({ instanceId, key, code }) => [instanceId, key, code])).toEqual([
      [1, 'invoice_number', 'VALUE_NOT_JSON'],
      [2, 'invoice_number', 'VALUE_CYCLIC'],
      [3, null, 'TASK_DATA_UNREADABLE'],
      ['4\nforged', 'invoice_number', 'VALUE_NOT_JSON'],
    ]);
    const errors = logger.lines.filter((line) => line.startsWith('error'));
    expect(errors).toHaveLength(4);
    expect(errors[2]).toContain(`[${report.runId}]: Error processing metadata backfill for instance 3: `);
    expect(errors[3]).toContain('instance 4\\u000aforged: ');
  });

  test('stop the run once there are more than maxFailures; each time it is set going, it bears as many again', async () => {
    const bad = Array.from({ length: 6 }, (_, index) =>
      instance(`bad ${index}`, { invoice: { number: Number.NaN } }),
    );
    const repository = createMemoryRepository({ instances: [...bad, ...invoices(4)] });

    const report = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      batchSize: 1,
      maxFailures: 1,
    });

    expect(report).toMatchObject({ state: 'failed', failed: 2, processed: 0 });
    const { runId } = report;
    for (const failed of [4, 6]) {
      const again = await runBackfill({ repository, runId, batchSize: 1 });
      expect(again).toMatchObject({ state: 'failed', failed, processed: 0 });
    }
    const last = await runBackfill({ repository, runId });
    expect(last).toMatchObject({ state: 'completed_with_failures', total: 10, failed: 6, processed: 4 });
  });

  test('stop it also when the job that met them died before it could', async () => {
    const bad = Array.from({ length: 5 }, (_, index) => instance(index, { invoice: { number: Number.NaN } }));
    const memory = createMemoryRepository({ instances: [...bad, ...invoices(40).slice(10)] });
    let isDead = false;
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      if (isDead) throw databaseError('42P01');
      const answer = await proceed();
      isDead = method === 'commit' && (argument as { instances: unknown[] }).instances.length > 0;
      return answer;
    });
    const service = createBackfillService({ repository: memory, queue: { enqueue: async () => {} } });
    const request = await service.request({ processModelId: MODEL, paths: PATHS, maxFailures: 3 });
    const { runId } = request as { runId: string };
    const dying = createBackfillService({ repository, queue: { enqueue: async () => {} }, batchSize: 5 });
    await expect(dying.handle({ runId, shard: 0, step: 0 })).rejects.toThrow();

    expect(await service.handle({ runId, shard: 0, step: 0 })).toMatchObject({ state: 'failed', failed: 5 });
  });
});

describe('what an operator sees', () => {
  test('the log lines, word for word', async () => {
    const repository = createMemoryRepository({ instances: invoices(100) });
    const logger = linesLogger();
    const runtime = testRuntime();

    const { runId } = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      batchSize: 50,
      logger,
      runtime,
    });

    const tag = `info celery_task_backfill_metadata[${runId}]: `;
    expect(logger.lines).toEqual([
      `${tag}Starting metadata backfill for process model: test_group/invoice_process`,
      `${tag}Metadata backfill progress: 50/100 instances processed for model test_group/invoice_process`,
      `${tag}Metadata backfill progress: 100/100 instances processed for model test_group/invoice_process`,
      `${tag}Completed metadata backfill for process model: test_group/invoice_process. Processed: 100, Updated: 100, Time: 0.00s`,
    ]);
  });

  test('another tag, and nothing that breaks when the logger does', async () => {
    const repository = createMemoryRepository({ instances: invoices(1) });
    const lines: string[] = [];
    const logger = {
      info: (line: string) => void lines.push(line),
      warn: () => {},
      error: () => {},
    };
    const broken = { ...logger, info: () => expect.unreachable() };

    const tagged = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      logger,
      logTag: 'backfill',
    });
    const quiet = await runBackfill({ repository, processModelId: MODEL, paths: PATHS, logger: broken });

    expect(lines[0]).toBe(
      `backfill[${tagged.runId}]: Starting metadata backfill for process model: ${MODEL}`,
    );
    expect(quiet.state).toBe('completed');
  });

  test('progress before the first page, after each batch and at the end', async () => {
    const repository = createMemoryRepository({ instances: invoices(5) });
    const seen: BackfillProgress[] = [];

    await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      batchSize: 2,
      onProgress: (progress) => {
        seen.push(progress);
        throw new Error('a display that fails');
      },
    });

    expect(seen[0]).toMatchObject({ state: 'running', processed: 0, total: 5, etaMs: null, waiting: null });
    expect(new Set(seen.map(({ processed }) => processed))).toEqual(new Set([0, 2, 4, 5]));
    expect(seen.at(-1)).toMatchObject({ state: 'completed', processed: 5, updated: 5 });
    expect(JSON.parse(JSON.stringify(seen))).toEqual(seen);
  });

  test('a report that is plain JSON', async () => {
    const repository = createMemoryRepository({ instances: invoices(1) });

    const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS });

    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});

describe('an abort', () => {
  test('settles the batch in flight, keeps the checkpoint and rejects with the reason', async () => {
    const repository = createMemoryRepository({ instances: invoices(10) });
    const controller = new AbortController();
    const reason = new Error('deploy');
    let runId = '';
    const onProgress = (progress: BackfillProgress) => {
      runId = progress.runId;
      if (progress.processed === 4) controller.abort(reason);
    };

    const running = runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      batchSize: 2,
      onProgress,
      signal: controller.signal,
    });

    await expect(running).rejects.toBe(reason);
    expect(repository.metadata(4)).toEqual({ invoice_number: 'INV-4' });
    expect(repository.metadata(5)).toEqual({});
    const report = await runBackfill({ repository, runId });
    expect(report).toMatchObject({ runId, state: 'completed', total: 10, processed: 10, updated: 10 });
  });

  test.each([
    ['without a queue', {}],
    ['with a queue', { queue: createInProcessQueue() }],
  ])('before the start stores nothing, %s', async (_, rest) => {
    const calls: string[] = [];
    const repository = intercept(
      createMemoryRepository({ instances: invoices(1) }),
      async ({ method, proceed }) => {
        calls.push(method);
        return proceed();
      },
    );
    const signal = AbortSignal.abort('no');

    const running = runBackfill({ repository, processModelId: MODEL, paths: PATHS, signal, ...rest });

    await expect(running).rejects.toBe('no');
    expect(calls).toEqual([]);
  });
});

describe('slices', () => {
  test('without a queue the caller goes on by runId until the run is completed', async () => {
    const repository = createMemoryRepository({ instances: invoices(10) });
    const runtime = testRuntime(1, 40);
    const states: string[] = [];

    let report = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      batchSize: 2,
      sliceMs: 50,
      runtime,
    });
    while (report.state === 'continued') {
      states.push(report.state);
      report = await runBackfill({ repository, runId: report.runId, batchSize: 2, sliceMs: 50, runtime });
    }

    expect(states.length).toBeGreaterThan(1);
    expect(report).toMatchObject({ state: 'completed', total: 10, processed: 10, updated: 10 });
  });

  test('without a queue all shards share one slice, and the report counts what all have done', async () => {
    const runtime = testRuntime();
    const memory = createMemoryRepository({ instances: invoices(4000) });
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      const isBatch = method === 'commit' && (argument as RepositoryCommit).instances.length > 0;
      if (isBatch) await runtime.sleep(20);
      return proceed();
    });
    const options = { repository, runtime, batchSize: 5, sliceMs: 1_000, logger: SILENT };
    const begun = runtime.now();

    let report = await runBackfill({ ...options, processModelId: MODEL, paths: PATHS, shards: 40 });
    const tookMs = runtime.now() - begun;
    const rows = Array.from({ length: 4000 }, (_, id) => memory.metadata(id + 1)?.invoice_number);
    expect(report.state).toBe('continued');
    expect(report.processed).toBe(rows.filter((value) => value !== undefined).length);
    expect(tookMs).toBeLessThan(2_000); // each shard may exceed it by a batch

    for (let calls = 0; report.state === 'continued' && calls < 100; calls += 1)
      report = await runBackfill({ ...options, runId: report.runId });
    expect(report).toMatchObject({ state: 'completed', total: 4000, processed: 4000 });
  });
});

const SILENT = { info() {}, warn() {}, error() {} };

test('what a repository does to the query of a page changes nothing in the run', async () => {
  const memory = createMemoryRepository({ instances: invoices(30) });
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    const answer = await proceed();
    if (method === 'readInstances') {
      const { paths } = argument as { paths: { key: string; segments: string[] }[] };
      for (const path of paths) path.segments.length = 0;
      paths.length = 0;
    }
    return answer;
  });

  const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS, batchSize: 10 });

  expect(report).toMatchObject({ state: 'completed', updated: 30 });
});
