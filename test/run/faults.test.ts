import { describe, expect, test } from 'vitest';
import { isBackfillError, runBackfill } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { withFaults } from '../../src/testing/index.js';
import { invoices } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';
import { atBatch, backfill, storedRuns } from './support/backfill.js';

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

  test('that commits one batch and a later step makes this one leave the run to it', async () => {
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
