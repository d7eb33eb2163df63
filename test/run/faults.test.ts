import { describe, expect, test } from 'vitest';
import {
  type BackfillRepository,
  type InstanceSnapshot,
  isBackfillError,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { withFaults } from '../../src/testing/index.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { type Around, databaseError, intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';

interface CommitArgument {
  readonly instances: readonly { readonly id: number }[];
}

const backfill = (repository: BackfillRepository, rest: object = {}) =>
  runBackfill({ repository, processModelId: MODEL, paths: PATHS, runtime: testRuntime(), ...rest });

/** Does something at the commits of batches, counted from 1. */
function atBatch(act: (call: Parameters<Around>[0], batch: number) => Promise<unknown>): Around {
  let batches = 0;
  return (call) => {
    const isBatch = call.method === 'commit' && (call.argument as CommitArgument).instances.length > 0;
    if (!isBatch) return call.proceed();
    batches += 1;
    return act(call, batches);
  };
}

const storedRuns = (repository: BackfillRepository) =>
  repository.findRuns({ processModelId: null, activeKey: null, active: null, before: null, limit: 10 });

describe('transient faults', () => {
  test.each(['surveyInstances', 'readInstances', 'commit', 'loadRun'] as const)(
    'of %s are tried again, after a pause',
    async (failing) => {
      const memory = createMemoryRepository({ instances: invoices(30) });
      const runtime = testRuntime();
      const error = databaseError('40P01');
      const repository = withFaults(memory, [
        { on: failing, nth: 1, fault: 'fail-before', error },
        { on: failing, nth: 2, fault: 'fail-before', error },
      ]);

      const report = await backfill(repository, { batchSize: 10, runtime, retry: { initialDelayMs: 100 } });

      expect(report).toMatchObject({ state: 'completed', total: 30, processed: 30, updated: 30 });
      expect(runtime.slept).toHaveLength(2);
      const [first = 0, second = 0] = runtime.slept;
      expect(first).toBeGreaterThanOrEqual(50);
      expect(first).toBeLessThanOrEqual(100);
      expect(second).toBeGreaterThanOrEqual(100);
      expect(second).toBeLessThanOrEqual(200);
    },
  );

  test('say in the progress what is waited for', async () => {
    const error = databaseError('ECONNRESET', 'the connection broke');
    const repository = withFaults(createMemoryRepository({ instances: invoices(3) }), [
      { on: 'readInstances', nth: 1, fault: 'fail-before', error },
    ]);
    const waiting: unknown[] = [];

    await backfill(repository, {
      onProgress: (progress: { waiting: unknown }) => waiting.push(progress.waiting),
    });

    expect(waiting).toContainEqual({
      for: 'retry',
      reason: 'the connection broke (ECONNRESET)',
      until: expect.any(Number),
    });
  });

  test('that do not pass reject with the run id and the last safe point, from which the run goes on', async () => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const repository = intercept(
      memory,
      atBatch(async ({ proceed }, batch) => {
        if (batch > 1) throw databaseError('08006');
        return proceed();
      }),
    );

    const error = await backfill(repository, { batchSize: 10, retry: { attempts: 3 } }).catch(
      (thrown: unknown) => thrown,
    );

    if (!isBackfillError(error, 'PORT_FAILED')) throw error;
    expect(error).toMatchObject({
      name: 'PortError',
      retryable: true,
      progress: { visited: 10, total: 30 },
    });
    const { runId } = error as unknown as { runId: string };
    expect(error.message).toContain(runId);
    expect(await runBackfill({ repository: memory, runId })).toMatchObject({
      state: 'completed',
      processed: 30,
      updated: 30,
    });
  });
});

describe('a commit whose outcome is unknown', () => {
  test('and that landed is not done twice', async () => {
    const repository = intercept(
      createMemoryRepository({ instances: invoices(30) }),
      atBatch(async ({ proceed }, batch) => {
        await proceed();
        throw batch % 2 === 1 ? databaseError('08006') : new Error('something broke');
      }),
    );

    const report = await backfill(repository, { batchSize: 10 });

    expect(report).toMatchObject({ state: 'completed', total: 30, processed: 30, updated: 30, failed: 0 });
  });

  test('and that landed still has its failures in the log', async () => {
    const memory = createMemoryRepository({ instances: invoices(3) });
    memory.updateInstance(2, { tasks: [{ state: 'COMPLETED', json: 'broken' }] });
    const repository = intercept(
      memory,
      atBatch(async ({ proceed }) => {
        await proceed();
        throw databaseError('08006');
      }),
    );
    const logger = linesLogger();

    await backfill(repository, { logger });

    expect(
      logger.lines.filter((line) => line.includes('for instance 2: the task data is not valid JSON')),
    ).toHaveLength(1);
    expect(logger.lines.filter((line) => line.includes('progress: 3/3'))).toHaveLength(1);
  });

  test('and that lands late, after the same batch was sent again, is not counted twice', async () => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    let late: (() => Promise<unknown>) | null = null;
    const repository = intercept(
      memory,
      atBatch(async ({ proceed }, batch) => {
        if (batch === 1) {
          late = proceed;
          throw databaseError('ECONNRESET');
        }
        if (batch === 2) await late?.();
        return proceed();
      }),
    );

    const report = await backfill(repository, { batchSize: 10 });

    expect(report).toMatchObject({ state: 'completed', total: 30, processed: 30, updated: 30 });
  });

  test('is found out at every commit of a run, the first and the last too', async () => {
    const repository = withFaults(createMemoryRepository({ instances: invoices(3) }), [
      { on: 'commit', fault: 'fail-after' },
    ]);
    const logger = linesLogger();

    const report = await backfill(repository, { logger });

    expect(report).toMatchObject({ state: 'completed', processed: 3 });
    expect(logger.lines.filter((line) => line.includes('Starting'))).toHaveLength(1);
    expect(logger.lines.filter((line) => line.includes('Completed'))).toHaveLength(1);
  });
});

describe('another worker on the same run', () => {
  test('that is ahead makes this one end as superseded, without a second count', async () => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    let other: Promise<unknown> | null = null;
    const repository = intercept(
      memory,
      atBatch(async ({ proceed }, batch) => {
        if (batch === 2) {
          const [run] = await storedRuns(memory);
          other = runBackfill({ repository: memory, runId: run?.runId ?? '', batchSize: 10 });
          await other;
        }
        return proceed();
      }),
    );

    const report = await backfill(repository, { batchSize: 10 });

    expect(report.state).toBe('completed');
    expect(await other).toMatchObject({ state: 'completed', processed: 30, updated: 30 });
    expect(report).toMatchObject({ processed: 30, updated: 30 });
  });

  test('that commits one batch and a younger step makes this one leave the run to it', async () => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const runtime = testRuntime(1, 10);
    const repository = intercept(
      memory,
      atBatch(async ({ proceed }, batch) => {
        if (batch === 2) {
          const [run] = await storedRuns(memory);
          const runId = run?.runId ?? '';
          await runBackfill({ repository: memory, runId, batchSize: 10, sliceMs: 1, runtime });
        }
        return proceed();
      }),
    );

    const report = await backfill(repository, { batchSize: 10 });

    expect(report).toMatchObject({ state: 'superseded', processed: 20, updated: 20 });
    expect(await runBackfill({ repository: memory, runId: report.runId })).toMatchObject({
      state: 'completed',
      processed: 30,
    });
  });
});

describe('an instance that the database refuses', () => {
  const poisoned = (poison: readonly number[], error: () => Error) => {
    const memory = createMemoryRepository({ instances: invoices(100) });
    const repository = intercept(
      memory,
      atBatch(async ({ argument, proceed }) => {
        const { instances } = argument as {
          instances: readonly { id: number; values: readonly unknown[] }[];
        };
        if (instances.some(({ id, values }) => values.length > 0 && poison.includes(id))) throw error();
        return proceed();
      }),
    );
    return { memory, repository };
  };

  test.each([
    ['a value that the column refuses', () => databaseError('22001', 'value too long')],
    ['an error that says nothing about itself', () => new Error('poison')],
  ])('costs its batch of 100 only itself: %s', async (_, error) => {
    const { memory, repository } = poisoned([37], error);
    const logger = linesLogger();

    const report = await backfill(repository, { logger });

    expect(report).toMatchObject({
      state: 'completed_with_failures',
      total: 100,
      processed: 99,
      updated: 99,
      failed: 1,
    });
    expect(report.failures).toEqual([
      { instanceId: 37, key: 'invoice_number', code: 'WRITE_REJECTED', reason: expect.stringContaining(error().message) },
    ]);
    expect(logger.lines.filter((line) => line.startsWith('error'))).toEqual([
      `error celery_task_backfill_metadata[${report.runId}]: Error processing metadata backfill for instance 37: ${report.failures[0]?.reason} (key "invoice_number")`,
    ]);
    const written = invoices(100).filter(({ id }) => memory.metadata(id)?.invoice_number !== undefined);
    expect(written).toHaveLength(99);
    expect(memory.metadata(37)).toEqual({});
  });

  test('is not blamed for an error without a code that passes', async () => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    let thrown = 0;
    const repository = intercept(
      memory,
      atBatch(async ({ proceed }, batch) => {
        if (batch % 2 === 0) return proceed();
        thrown += 1;
        throw new Error('a hiccup');
      }),
    );

    const report = await backfill(repository, { batchSize: 10 });

    expect(report).toMatchObject({ state: 'completed', processed: 30, updated: 30, failed: 0 });
    expect(thrown).toBe(3);
  });

  test('is found wherever it stands, also next to others', async () => {
    const { repository } = poisoned([1, 2, 50, 51, 100], () => databaseError('23514'));

    const report = await backfill(repository, { batchSize: 64 });

    expect(report).toMatchObject({ state: 'completed_with_failures', processed: 95, failed: 5 });
    expect(report.failures.map(({ instanceId }) => instanceId)).toEqual([1, 2, 50, 51, 100]);
  });
});

describe('a fault that is nobody’s data', () => {
  test('ends the run as failed, and a resume goes on from the checkpoint', async () => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    let isFull = true;
    const repository = intercept(
      memory,
      atBatch(async ({ proceed }, batch) => {
        if (batch > 1 && isFull) throw databaseError('53100', 'disk full');
        return proceed();
      }),
    );

    const error = await backfill(repository, { batchSize: 10 }).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({
      code: 'PORT_FAILED',
      retryable: false,
      progress: { visited: 10, total: 30 },
    });
    const [stored] = await storedRuns(memory);
    expect(stored).toMatchObject({ activeKey: null, content: { state: 'failed' } });
    isFull = false;
    const report = await runBackfill({ repository, runId: stored?.runId ?? '' });
    expect(report).toMatchObject({ state: 'completed', processed: 30, updated: 30, failed: 0 });
  });

  test.each([
    ['without a code', () => new Error('the end is refused'), true],
    ['that speaks of bad data', () => databaseError('22P02'), false],
  ])('at the proof that nothing is left ends the job: an error %s', async (_, error, retryable) => {
    const repository = intercept(
      createMemoryRepository({ instances: invoices(5) }),
      async ({ method, argument, proceed }) => {
        if (method === 'commit' && 'exhausted' in (argument as object)) throw error();
        return proceed();
      },
    );

    await expect(backfill(repository)).rejects.toMatchObject({
      code: 'PORT_FAILED',
      retryable,
      progress: { visited: 5, total: 5 },
    });
  });

  test.each([1, 2, 5])(
    'without a code and with %i tries still finds the instance to blame',
    async (attempts) => {
      const repository = intercept(
        createMemoryRepository({ instances: invoices(8) }),
        atBatch(async ({ argument, proceed }) => {
          const { instances } = argument as { instances: readonly { id: number; values: unknown[] }[] };
          if (instances.some(({ id, values }) => id === 3 && values.length > 0)) throw new Error('no code');
          return proceed();
        }),
      );

      const report = await backfill(repository, { retry: { attempts } });

      expect(report).toMatchObject({ state: 'completed_with_failures', processed: 7, failed: 1 });
      expect(report.failures).toMatchObject([{ instanceId: 3, code: 'WRITE_REJECTED' }]);
    },
  );

  test('that passes within the tries blames no instance, however small the batch', async () => {
    let left = 4;
    const repository = intercept(
      createMemoryRepository({ instances: invoices(3) }),
      atBatch(async ({ proceed }) => {
        if (left === 0) return proceed();
        left -= 1;
        throw new Error('the database restarts');
      }),
    );

    expect(await backfill(repository, { batchSize: 1 })).toMatchObject({ state: 'completed', processed: 3 });
  });

  test('that refuses even the failure to be counted is not blamed on an instance', async () => {
    const repository = intercept(
      createMemoryRepository({ instances: invoices(5) }),
      atBatch(async () => {
        throw new Error('no commit at all');
      }),
    );

    await expect(backfill(repository)).rejects.toMatchObject({
      code: 'PORT_FAILED',
      progress: { visited: 0, total: 5 },
    });
  });
});

describe('a repository that breaks its contract', () => {
  test.each<[string, (argument: CommitArgument & { next(told: unknown): unknown }) => unknown]>([
    ['stale', () => ({ status: 'stale', instanceIds: ['3'] })],
    ['gone', ({ next }) => next({ gone: ['3'], kept: [] })],
    ['kept', ({ next }) => next({ gone: [], kept: [{ id: '3', key: 'invoice_number' }] })],
    ['not-exhausted', () => ({ status: 'not-exhausted' })],
  ])('by calling %s what was not asked about ends the run', async (_, answer) => {
    const repository = intercept(
      createMemoryRepository({ instances: invoices(5) }),
      atBatch(async ({ argument }) => answer(argument as never)),
    );

    await expect(backfill(repository)).rejects.toMatchObject({ code: 'REPOSITORY_CONTRACT' });
  });

  type Page = readonly InstanceSnapshot[];
  const broken = (change: (page: Page) => unknown) => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const repository = intercept(memory, async ({ method, count, proceed }) => {
      const answer = await proceed();
      return method === 'readInstances' && count === 2 ? change(answer as Page) : answer;
    });
    return { memory, repository };
  };
  const snapshot: InstanceSnapshot = { id: 11, cursor: 11, data: { form: 'none' }, stored: new Map() };

  test.each<[string, (page: Page) => unknown, RegExp]>([
    ['an unordered page', (page) => [...page].reverse(), /expected ascending cursors, got 19 after 20/],
    [
      'a repeated instance',
      (page) => [...page.slice(0, 5), ...page.slice(4, 9)],
      /expected ascending cursors, got 15 after 15/,
    ],
    [
      'one id under two cursors',
      (page) => page.map((row, index) => (index === 3 ? { ...row, id: 11 } : row)),
      /instance 11 is there twice/,
    ],
    [
      'a page that goes back',
      () => [{ ...snapshot, cursor: 3 }],
      /expected ascending cursors, got 3 after 10/,
    ],
    ['a page beyond the bound', () => [{ ...snapshot, cursor: 31 }], /expected cursors up to 30, got 31/],
    [
      'more than was asked for',
      (page) => [
        ...page,
        ...page.map((row) => ({ ...row, id: Number(row.id) + 10, cursor: Number(row.cursor) + 10 })),
      ],
      /expected at most 10 instances, got 20/,
    ],
    [
      'filled instances that are none',
      () => [{ cursor: 12, filled: 0 }],
      /filled: expected a whole number from 1/,
    ],
    ['an instance that is called filled', () => [{ ...snapshot, filled: 1 }], /got both in one/],
    [
      'cursors that are integers as text',
      () => [
        { ...snapshot, cursor: '19' },
        { ...snapshot, id: 'x', cursor: '109' },
      ],
      /compared as text/,
    ],
    ['something that is no page', () => null, /expected an array/],
    ['something that is no instance', () => [null], /instance \[0\]: expected an InstanceSnapshot/],
    ['no id', () => [{ ...snapshot, id: undefined }], /id: expected a string or a number/],
    ['no cursor', () => [{ ...snapshot, cursor: undefined }], /cursor: expected/],
    ['no data', () => [{ ...snapshot, cursor: 12, data: undefined }], /data: expected a TaskData/],
    ['rows that are no Map', () => [{ ...snapshot, cursor: 12, stored: {} }], /stored: expected a Map/],
  ])('%s: nothing of it is committed', async (_, change, message) => {
    const { memory, repository } = broken(change);

    const error = await backfill(repository, { batchSize: 10 }).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({
      code: 'REPOSITORY_CONTRACT',
      retryable: false,
      progress: { visited: 10, total: 30 },
    });
    expect(error).toHaveProperty('message', expect.stringMatching(message));
    expect(memory.metadata(10)).toEqual({ invoice_number: 'INV-10' });
    expect(memory.metadata(11)).toEqual({});
  });

  test('an empty page is believed only when the finishing commit finds nothing either', async () => {
    const { repository } = broken(() => []);

    const report = await backfill(repository, { batchSize: 10 });

    expect(report).toMatchObject({ state: 'completed', processed: 30, gone: 0 });
  });

  test('a page that stays empty ends the run with a clear error', async () => {
    const repository = withFaults(createMemoryRepository({ instances: invoices(3) }), [
      { on: 'readInstances', fault: 'empty-page' },
    ]);

    await expect(backfill(repository)).rejects.toThrow(/returned an empty page, again and again/);
  });

  test('a conflict that nothing explains ends the run with a clear error', async () => {
    const repository = intercept(
      createMemoryRepository({ instances: invoices(3) }),
      atBatch(async () => ({ status: 'conflict' })),
    );

    await expect(backfill(repository)).rejects.toThrow(/loadRun must read from where commits go/);
  });
});

describe('a stored run', () => {
  test('that nobody knows is an error before any write', async () => {
    const calls: string[] = [];
    const repository = intercept(createMemoryRepository(), async ({ method, proceed }) => {
      calls.push(method);
      return proceed();
    });

    await expect(runBackfill({ repository, runId: 'unknown' })).rejects.toMatchObject({
      code: 'RUN_NOT_FOUND',
      runId: 'unknown',
    });
    expect(calls).toEqual(['loadRun']);
  });

  test('that is completed is reported, and nothing is done', async () => {
    const repository = createMemoryRepository({ instances: invoices(3) });
    const { runId } = await backfill(repository);
    repository.deleteMetadata(1, 'invoice_number');

    const report = await runBackfill({ repository, runId });

    expect(report).toMatchObject({ state: 'completed', processed: 3 });
    expect(repository.metadata(1)).toEqual({});
  });

  test('that another version wrote is refused', async () => {
    const memory = createMemoryRepository({ instances: invoices(3) });
    const { runId } = await backfill(memory);
    const repository = intercept(memory, async ({ method, proceed }) => {
      const answer = await proceed();
      if (method !== 'loadRun') return answer;
      return (answer as { content: object }[]).map((record) => ({
        ...record,
        content: { ...record.content, format: 2 },
      }));
    });

    await expect(runBackfill({ repository, runId })).rejects.toMatchObject({ code: 'RUN_FORMAT' });
  });
});
