import { describe, expect, test } from 'vitest';
import { createBackfillService, isBackfillError, runBackfill } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';
import { atBatch, backfill, type CommitArgument, storedRuns } from './support/backfill.js';

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
    [
      'a value that the column refuses',
      () => databaseError('22001', 'value too long'),
      'value too long (SQLSTATE 22001)',
    ],
    ['an error that says nothing about itself', () => new Error('poison'), 'poison'],
  ])('costs its batch of 100 only itself: %s', async (_, error, reason) => {
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
      { instanceId: 37, key: 'invoice_number', code: 'WRITE_REJECTED', reason },
    ]);
    expect(logger.lines.filter((line) => line.startsWith('error'))).toEqual([
      `error celery_task_backfill_metadata[${report.runId}]: Error processing metadata backfill for instance 37: ${reason} (key "invoice_number")`,
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

describe('a refusal of unknown kind', () => {
  /** Commits of batches are refused while `isRefused` says so, and all others while `isDown` does. */
  function refusing(count: number, error: unknown, isRefused: (ids: readonly number[]) => boolean) {
    const memory = createMemoryRepository({ instances: invoices(count) });
    const commits: (readonly number[])[] = [];
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      if (method !== 'commit') return proceed();
      const { instances } = argument as {
        instances: readonly { id: number; values: readonly unknown[] }[];
      };
      const ids = instances.filter(({ values }) => values.length > 0).map(({ id }) => id);
      commits.push(ids);
      if (isRefused(ids)) throw error;
      return proceed();
    });
    return { memory, repository, commits };
  }

  test.each([
    ['P0001 of a trigger', databaseError('P0001')],
    ['54000 of an index', databaseError('54000')],
    ['44000', databaseError('44000')],
    ['21000 of a subquery', databaseError('21000')],
    ['a SQLSTATE of the host’s own', databaseError('U0042')],
    ['XX000', databaseError('XX000')],
    ['ER_SIGNAL_EXCEPTION', databaseError('ER_SIGNAL_EXCEPTION')],
    ['ER_NET_PACKET_TOO_LARGE', databaseError('ER_NET_PACKET_TOO_LARGE')],
    ['SQLSTATE 45000 without a name', Object.assign(new Error('no'), { errno: 1644, sqlState: '45000' })],
    ['Prisma P2000', databaseError('P2000')],
    ['Prisma P2010 with P0001 within', Object.assign(databaseError('P2010'), { meta: { code: 'P0001' } })],
    ['a THROW of SQL Server', Object.assign(databaseError('EREQUEST'), { number: 50001, class: 16 })],
    ['no code', new Error('no')],
    ['nothing at all', Object.create(null)],
    ['undefined', undefined],
  ])('is the fault of an instance if that instance alone is refused: %s', async (_, error) => {
    const { repository, memory } = refusing(20, error, (ids) => ids.includes(7));

    const report = await backfill(repository);

    expect(report).toMatchObject({ state: 'completed_with_failures', processed: 19, updated: 19, failed: 1 });
    expect(report.failures).toMatchObject([{ instanceId: 7, code: 'WRITE_REJECTED' }]);
    expect(memory.metadata(7)).toEqual({});
  });

  test.each([
    ['without a code', new Error('no')],
    ['P0001', databaseError('P0001')],
  ])('that refuses a commit without any instance, too, is no instance’s fault: %s', async (_, error) => {
    let isDown = false;
    const { repository, memory } = refusing(20, error, (ids) => {
      isDown ||= ids.includes(11);
      return isDown;
    });

    const thrown = await backfill(repository, { batchSize: 10 }).catch((reason: unknown) => reason);

    expect(thrown).toMatchObject({ code: 'PORT_FAILED', retryable: true, progress: { visited: 10 } });
    isDown = false;
    const { runId } = thrown as { runId: string };
    expect(await runBackfill({ repository: memory, runId })).toMatchObject({
      state: 'completed',
      processed: 20,
      failed: 0,
    });
  });

  test.each(
    [new Error('no'), databaseError('P0001'), databaseError('XX000')].flatMap((error) =>
      [1, 2, 3, 5].map(
        (batchSize) => [(error as { code?: string }).code ?? 'no code', batchSize, error] as const,
      ),
    ),
  )('of an outage blames nobody, whenever it ends: %s, batches of %i', async (_, batchSize, error) => {
    for (let length = 1; length <= 25; length += 1) {
      let left = 0;
      const { repository, commits } = refusing(5, error, () => {
        if (commits.length === 4) left = length;
        left -= 1;
        return left >= 0;
      });
      const options = { repository, batchSize, retry: { attempts: 3, initialDelayMs: 1 } };
      let [report, runId]: [unknown, string | null] = [undefined, null];
      while (report === undefined) {
        const call = runId === null ? { processModelId: MODEL, paths: PATHS } : { runId };
        report = await runBackfill({ ...call, ...options, runtime: testRuntime() }).catch(
          (thrown: unknown) => {
            if (!isBackfillError(thrown, 'PORT_FAILED') || !thrown.retryable) throw thrown;
            runId = thrown.runId;
          },
        );
      }

      expect(report, `${length} refusals`).toMatchObject({ state: 'completed', processed: 5, failed: 0 });
    }
  });

  test('is settled with four commits more than a refusal whose code speaks of the data', async () => {
    const counts = await Promise.all(
      ['22001', 'P0001'].map(async (code) => {
        const { repository, commits } = refusing(1, databaseError(code), (ids) => ids.length > 0);
        expect(await backfill(repository)).toMatchObject({ failed: 1 });
        return commits.length;
      }),
    );

    // the run, its freeze, the instance, its value alone, its failure, the end of the shard and of the run
    expect(counts).toEqual([7, 11]);
  });

  test('of a run that is paused during the experiment leaves the instance alone', async () => {
    const memory = createMemoryRepository({ instances: invoices(3) });
    const runOf = async (): Promise<string> => (await storedRuns(memory))[0]?.runId ?? '';
    const repository = intercept(
      memory,
      atBatch(async () => {
        await createBackfillService({ repository: memory, queue: { enqueue: async () => {} } }).pause(
          await runOf(),
        );
        throw databaseError('P0001');
      }),
    );

    expect(await backfill(repository, { batchSize: 1 })).toMatchObject({
      state: 'paused',
      processed: 0,
      failed: 0,
    });
  });

  test('has a reason without the values of the instance, however the message tells them', async () => {
    const error = databaseError('P0001', 'no report wants INV-3 (or "INV-3")');
    const { repository } = refusing(3, error, (ids) => ids.includes(3));

    const { failures } = await backfill(repository);

    expect(failures).toMatchObject([{ reason: 'no report wants … (or "…") (SQLSTATE P0001)' }]);
  });

  test('has a reason without what an object among its values holds', async () => {
    const data = { invoice: { number: { mail: 'bob@example.com', parts: [12345, null, true] } } };
    const memory = createMemoryRepository({ instances: [...invoices(2), instance(3, data)] });
    const error = databaseError('P0001', 'null mail bob@example.com is taken by 12345, which is true');
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      const { instances } = argument as CommitArgument;
      if (method === 'commit' && instances.some(({ id, values }) => id === 3 && values.length > 0))
        throw error;
      return proceed();
    });

    const { failures } = await backfill(repository);

    const reason = 'null mail … is taken by …, which is true (SQLSTATE P0001)';
    expect(failures).toMatchObject([{ instanceId: 3, reason }]);
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
      message: expect.stringContaining('What was committed is kept. Fix the cause, then go on with runId'),
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
    [
      'is refused',
      'commit',
      '42P01',
      'repository.commit failed: database error 42P01. Fix the cause, then call',
    ],
    ['and its check fail', 'any', '08006', 'repository.loadRun failed: database error 08006. Retry.'],
  ])('at the first commit of a run that %s leaves none to go on with', async (_, failing, code, advice) => {
    const repository = intercept(createMemoryRepository(), async ({ method, proceed }) => {
      if (failing === 'any' || method === failing) throw databaseError(code);
      return proceed();
    });
    const queue = { enqueue: async () => {} };
    const service = createBackfillService({ repository, queue, runtime: testRuntime() });
    const request = { processModelId: MODEL, paths: PATHS };

    await expect(backfill(repository)).rejects.toThrow(advice);
    if (failing === 'commit') await expect(service.request(request)).rejects.toThrow(advice);
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
