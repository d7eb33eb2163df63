import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  type BackfillLogger,
  createBackfillService,
  runBackfill,
  type StructuredLogger,
  verifyBackfill,
} from '../../src/index.js';
import { createInProcessQueue, createMemoryRepository } from '../../src/memory/index.js';
import { runLog } from '../../src/run/context/run-log.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';

const backfill = (rest: object) =>
  runBackfill({
    repository: createMemoryRepository(),
    processModelId: MODEL,
    paths: PATHS,
    runtime: testRuntime(),
    ...rest,
  });
const broken = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    processModelId: MODEL,
    tasks: [{ state: 'COMPLETED', json: '{' }],
  }));

describe('what people see in the log', () => {
  test('after failures: how many there were, and what to do about them', async () => {
    const logger = linesLogger();
    await backfill({
      repository: createMemoryRepository({ instances: [...broken(2), instance(3, {})] }),
      logger,
    });

    expect(logger.lines).toContainEqual(
      expect.stringMatching(/^info .*Completed .* Processed: 1, Updated: 0/),
    );
    expect(logger.lines).toContainEqual(
      expect.stringMatching(
        /^warn .*: 2 instances failed\. failures\(\) .*retryFailed\(\) .*runBackfill\(\{ processModelId, paths \}\)/,
      ),
    );
  });

  test('after failures in a dry run: nothing about a stored run', async () => {
    const logger = linesLogger();
    const repository = createMemoryRepository({ instances: broken(1) });
    await backfill({ repository, logger, dryRun: true });

    expect(logger.lines).toContainEqual(
      expect.stringMatching(/^warn .*: 1 instance failed\. The report has .*before the real run$/),
    );
  });

  test('one line for each failure up to a bound, then how many more there are', async () => {
    const logger = linesLogger();
    await backfill({ repository: createMemoryRepository({ instances: broken(250) }), logger });

    expect(logger.lines.filter((line) => line.startsWith('error'))).toHaveLength(100);
    expect(logger.lines).toContainEqual(expect.stringMatching(/^warn .*: 150 more failures of this job/));
  });

  test('also of a job that ends with an error, and each job for itself', () => {
    const logger = linesLogger();
    const log = runLog(logger);
    const run = { runId: 'run', processModelId: MODEL };
    const failure = { instanceId: 1, key: null, code: 'WRITE_REJECTED', reason: 'no' } as const;
    for (const count of [150, 20]) {
      for (let failed = 0; failed < count; failed += 1) log.instanceFailed(run, failure);
      log.jobEnded(run);
    }

    expect(logger.lines.filter((line) => line.startsWith('error'))).toHaveLength(120);
    expect(logger.lines.filter((line) => line.startsWith('warn'))).toEqual([
      expect.stringContaining('50 more failures of this job were not logged'),
    ]);
  });

  test('a path that finds nothing in any instance: one line that names key and path', async () => {
    const logger = linesLogger();
    const paths = [...PATHS, { key: 'typo', path: 'invoice.nubmer' }];
    const report = await backfill({
      repository: createMemoryRepository({ instances: invoices(3) }),
      paths,
      logger,
    });

    const warning = expect.stringContaining('Path "invoice.nubmer" of key "typo" found nothing in any of 3');
    expect(report.warnings).toEqual([warning]);
    expect(logger.lines.filter((line) => line.startsWith('warn'))).toEqual([warning]);
  });

  test('a path that finds nothing, although one document is broken and one row is there', async () => {
    const instances = [...invoices(3), ...broken(1).map((one) => ({ ...one, id: 4 }))];
    const repository = createMemoryRepository({ instances });
    repository.setMetadata(1, 'typo', 'live');
    const report = await backfill({ repository, paths: [{ key: 'typo', path: 'invoice.nubmer' }] });

    expect(report.keys).toMatchObject({ typo: { kept: 1, missing: 2, failed: 1 } });
    expect(report.warnings).toEqual([expect.stringContaining('found nothing in any of 2 instances')]);
  });

  test.each([
    ['a model without instances', {}, 'No instance of process model "test_group/invoice_process"'],
    [
      'unknown or odd ids',
      { instanceIds: ['1', 2, 77], repository: createMemoryRepository({ instances: invoices(3) }) },
      '2 of the 3 chosen instanceIds were not found',
    ],
  ])('%s', async (_, options, warning) => {
    const logger = linesLogger();
    const report = await backfill({ ...options, logger });

    expect(report.warnings).toEqual([expect.stringContaining(warning)]);
    expect(logger.lines).toContainEqual(expect.stringContaining(warning));
  });

  test('a dry run says that it is one', async () => {
    const logger = linesLogger();
    await backfill({ dryRun: true, logger });

    expect(logger.lines).toContainEqual(expect.stringContaining('This was a dry run: nothing was written'));
  });

  test('a verification says what it has found, and how to repair it', async () => {
    const logger = linesLogger();
    const runtime = testRuntime();
    const repository = createMemoryRepository({
      instances: [...invoices(3), ...broken(1).map((one) => ({ ...one, id: 4 }))],
    });
    const verify = () => verifyBackfill({ repository, processModelId: MODEL, paths: PATHS, logger, runtime });
    const lines = async (work: () => Promise<unknown>): Promise<readonly string[]> => {
      const from = logger.lines.length;
      await work();
      return logger.lines.slice(from).filter((line) => line.includes('The verification'));
    };

    expect(await lines(verify)).toEqual([
      expect.stringMatching(
        /^warn .*found differences: "\w+" \(3 absent, 0 different, 0 orphaned\).*mode: 'overwrite'/,
      ),
    ]);
    await backfill({ repository, runtime });
    expect(await lines(verify)).toEqual([
      expect.stringMatching(/^warn .*could not look at every instance.*Look at the failures/),
    ]);
    repository.deleteInstance(4);
    expect(await lines(verify)).toEqual([expect.stringMatching(/^info .*found no difference$/)]);
  });

  test('a call that goes on with a run names nobody who once resumed it', async () => {
    const logger = linesLogger();
    const repository = createMemoryRepository({ instances: invoices(3) });
    const service = createBackfillService({
      repository,
      queue: { enqueue: async () => {} },
      logger,
      runtime: testRuntime(),
    });
    const result = await service.request({ processModelId: MODEL, paths: PATHS });
    const { runId } = result as { runId: string };
    await service.pause(runId);
    await service.resume(runId, { requestedBy: 'bob' });
    await runBackfill({ repository, runId, logger, runtime: testRuntime() });

    expect(logger.lines.filter((line) => line.includes('Resumed'))).toEqual([
      expect.stringMatching(/ by "bob"$/),
      expect.not.stringContaining('bob'),
    ]);
  });

  test('pause, resume, cancel and a key that another run takes over: one line each', async () => {
    const logger = linesLogger();
    const queue = { enqueue: async () => {} };
    const repository = createMemoryRepository({ instances: invoices(3) });
    const service = createBackfillService({ repository, queue, logger, runtime: testRuntime() });
    const request = async (path: string) => {
      const result = await service.request({ processModelId: MODEL, paths: [{ key: 'k', path }] });
      return result as { runId: string };
    };
    const first = await request('a');
    await service.pause(first.runId);
    await service.pause(first.runId);
    await service.resume(first.runId);
    const second = await request('b');
    await service.cancel(second.runId);

    const said = logger.lines.map((line) => line.replace(/celery_\w+\[\w+\]: /, ''));
    expect(said).toEqual([
      `info Paused metadata backfill for process model: ${MODEL}`,
      `info Resumed metadata backfill for process model: ${MODEL}`,
      `warn Keys were taken over: "k" by run ${second.runId}. No key is left: the run is cancelled`,
      `info Cancelled metadata backfill for process model: ${MODEL}`,
    ]);
    expect(await service.status(first.runId)).toMatchObject({
      state: 'cancelled',
      lastError: `run ${second.runId} has taken over its last key`,
      warnings: [expect.stringContaining(`Key "k" was taken over by run ${second.runId}`)],
    });
  });

  test('a call that goes on with a run says so, and which keys it has lost', async () => {
    const logger = linesLogger();
    const options = {
      repository: createMemoryRepository({ instances: broken(1) }),
      runtime: testRuntime(),
    };
    const number = { key: 'number', path: 'invoice.number' };
    const city = { key: 'city', path: 'city' };
    const older = await runBackfill({
      ...{ ...options, processModelId: MODEL, maxFailures: 0 },
      paths: [number, city],
    });
    expect(older.state).toBe('failed');
    const newer = await runBackfill({
      ...{ ...options, processModelId: MODEL },
      paths: [{ key: 'number', path: 'number' }],
    });

    await runBackfill({ ...options, logger, runId: older.runId });

    const said = logger.lines.map((line) => line.replace(/celery_\w+\[\w+\]: /, ''));
    expect(said.slice(0, 2)).toEqual([
      `info Resumed metadata backfill for process model: ${MODEL}`,
      `warn Keys were taken over: "number" by run ${newer.runId}`,
    ]);
  });

  test('a clock that is set back makes no negative time', async () => {
    const logger = linesLogger();
    const runtime = testRuntime();
    let offset = 0;
    const repository = intercept(
      createMemoryRepository({ instances: invoices(3) }),
      async ({ method, proceed }) => {
        if (method === 'readInstances') offset = 3_600_000;
        return proceed();
      },
    );
    const report = await backfill({
      repository,
      logger,
      runtime: { ...runtime, now: () => runtime.now() - offset },
    });

    expect(report.elapsedMs).toBe(0);
    expect(logger.lines).toContainEqual(expect.stringMatching(/^info .*Time: 0\.00s$/));
  });
});

describe('a line', () => {
  const run = { runId: 'run', processModelId: MODEL };

  test.each([
    ['a format', 'a %O b', 'a %O b'],
    ['line breaks', 'a\nb\r\u2028c', 'a\\u000ab\\u000d\\u2028c'],
    ['bidirectional controls', 'a\u202eb\u2066c\u200fd', 'a\\u202eb\\u2066c\\u200fd'],
    ['half of a surrogate pair', 'a\ud800b', 'a\\ud800b'],
    ['a soft hyphen and joiners', 'a\u00adb\u2060c\u200cd\u200de', 'a\\u00adb\\u2060c\\u200cd\\u200de'],
    ['a tag, which is a pair', 'a\u{e0041}b', 'a\\udb40\\udc41b'],
    ['a filler and a variation selector', 'a\u3164b\ufe0fc', 'a\\u3164b\\ufe0fc'],
    ['a whole one', 'a😀b', 'a😀b'],
  ])('shows %s in data readably', (_, text, shown) => {
    const logger = linesLogger();
    runLog(logger).warned(run, text);

    expect(logger.lines).toEqual([`warn celery_task_backfill_metadata[run]: ${shown}`]);
  });

  test('is short, however long model, id and reason are', () => {
    const logger = linesLogger();
    const long = 'x'.repeat(10_000_000);
    const log = runLog(logger);
    log.started({ runId: 'run', processModelId: long, requestedBy: long, reason: long });
    log.failed({ runId: 'run', processModelId: long }, long);
    log.instanceFailed(run, { instanceId: long, key: long, code: 'WRITE_REJECTED', reason: long });
    log.completed(
      { runId: 'run', processModelId: long },
      { processed: 1, updated: 1, failed: 0, elapsedMs: 2340, warnings: [], dryRun: false },
    );

    expect(Math.max(...logger.lines.map(({ length }) => length))).toBeLessThan(2_100);
    expect(logger.lines.at(-1)).toMatch(/Processed: 1, Updated: 1, Time: 2\.34s$/);
  });

  test.each<[what: string, rest: { takesFields?: true }]>([
    ['as pino does', { bindings: () => ({}) } as object],
    ['as it says', { takesFields: true }],
  ])('comes with its fields where the logger takes an object before it, %s', (_, rest) => {
    const calls: unknown[][] = [];
    const method = (...args: unknown[]) => void calls.push(args);
    const logger: BackfillLogger | StructuredLogger = { info: method, warn: method, error: method, ...rest };
    runLog(logger).progressed(run, 50, 100);

    expect(calls).toEqual([
      [
        { event: 'progressed', runId: 'run', processModelId: MODEL, visited: 50, total: 100 },
        `celery_task_backfill_metadata[run]: Metadata backfill progress: 50/100 instances processed for model ${MODEL}`,
      ],
    ]);
  });
});

describe('without a logger', () => {
  afterEach(() => vi.restoreAllMocks());

  test('warnings reach the process, the lines of every day do not', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    await backfill({});

    expect(emitWarning.mock.calls).toEqual([
      [expect.stringContaining('No instance of process model'), 'BackfillWarning'],
    ]);
  });
});

describe('what a host passes for information may fail', () => {
  test.each([
    [
      'throws',
      () => {
        throw new Error('no display');
      },
    ],
    [
      'rejects',
      async () => {
        throw new Error('no display');
      },
    ],
  ])('a logger and an onProgress that %s stop nothing', async (_, fails) => {
    const report = await backfill({
      repository: createMemoryRepository({ instances: invoices(3) }),
      onProgress: fails,
      logger: { info: fails, warn: fails, error: fails },
    });

    expect(report).toMatchObject({ state: 'completed', updated: 3 });
  });

  test('not even an error that cannot be shown stops anything', async () => {
    const odd = {
      [Symbol.for('nodejs.util.inspect.custom')]() {
        throw new Error('cannot be shown');
      },
    };
    const fails = async () => {
      throw odd;
    };
    const report = await backfill({
      repository: createMemoryRepository({ instances: invoices(3) }),
      logger: { info: fails, warn: fails, error: fails },
    });

    expect(report).toMatchObject({ state: 'completed' });
  });

  test('an onFailure that rejects ends no process', async () => {
    const repository = intercept(
      createMemoryRepository({ instances: invoices(3) }),
      async ({ method, proceed }) => {
        if (method === 'readInstances') throw databaseError('42P01');
        return proceed();
      },
    );
    const queue = createInProcessQueue({
      retry: { attempts: 1 },
      onFailure: async () => {
        throw new Error('no pager');
      },
    });
    const logger = linesLogger();
    const service = createBackfillService({ repository, queue, logger });
    queue.work((payload, options) => service.handle(payload, options));
    const { runId } = (await service.request({ processModelId: MODEL, paths: PATHS })) as { runId: string };
    await queue.idle();

    expect(await service.status(runId)).toMatchObject({ state: 'failed' });
  });
});
