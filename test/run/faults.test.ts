import { describe, expect, test } from 'vitest';
import {
  type BackfillRepository,
  createBackfillService,
  type InstanceSnapshot,
  isBackfillError,
  type RunRecord,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { withFaults } from '../../src/testing/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { type Around, databaseError, intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';

interface CommitArgument {
  readonly instances: readonly { readonly id: number; readonly values: readonly unknown[] }[];
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

describe('a repository that breaks its contract', () => {
  /** How often commits of the given kind are called before the run gives up. */
  async function commitsOf(answer: (call: Parameters<Around>[0]) => unknown, count = 5): Promise<number> {
    let commits = 0;
    const repository = intercept(createMemoryRepository({ instances: invoices(count) }), async (call) => {
      const isBatch = call.method === 'commit' && (call.argument as CommitArgument).instances.length > 0;
      if (!isBatch) return call.proceed();
      commits += 1;
      return answer(call);
    });
    await expect(backfill(repository)).rejects.toMatchObject({
      code: 'REPOSITORY_CONTRACT',
      retryable: false,
    });
    return commits;
  }

  test.each<[string, unknown]>([
    ['a status that there is not', { status: 'ok' }],
    ['nothing', undefined],
    ['null', null],
    ['a text', 'committed'],
    ['committed without a call of next', { status: 'committed' }],
  ])('by answering a commit with %s ends the run at once', async (_, answer) => {
    expect(await commitsOf(() => answer)).toBe(1);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['no lists', {}],
    ['ids instead of values', { gone: [], kept: [1], moved: [] }],
    ['nothing of moved instances', { gone: [], kept: [] }],
  ])('by calling next with %s ends the run at once', async (_, outcome) => {
    const call = ({ argument }: Parameters<Around>[0]) => {
      (argument as { next(told: unknown): unknown }).next(outcome);
      return { status: 'committed' };
    };

    expect(await commitsOf(async (around) => call(around))).toBe(1);
  });

  test('by naming an instance without a version as moved ends the run at once', async () => {
    const memory = createMemoryRepository({ instances: invoices(5) });
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      if (method === 'commit' && (argument as CommitArgument).instances.length > 0)
        (argument as unknown as { next(told: unknown): unknown }).next({ gone: [], kept: [], moved: [1] });
      const answer = await proceed();
      if (method !== 'readInstances') return answer;
      return (answer as InstanceSnapshot[]).map(({ version: _, ...rest }) => rest);
    });

    await expect(backfill(repository)).rejects.toThrow(
      /the instance 1 has moved, which was given without a version/,
    );
  });

  test.each(['ok', 'not-exhausted'])(
    'by answering a commit of records alone with %s ends the call',
    async (status) => {
      const repository = intercept(
        createMemoryRepository({ instances: invoices(5) }),
        async ({ method, proceed }) => (method === 'commit' ? { status } : proceed()),
      );

      await expect(backfill(repository)).rejects.toMatchObject({ code: 'REPOSITORY_CONTRACT' });
    },
  );

  test.each([
    [1, 1],
    [2, 1],
    [2, 2],
    [4, 3],
  ])(
    'that loses its last commits in a crash, %i after %i, is gone on with from what is stored',
    async (lost, kept) => {
      const memory = createMemoryRepository({ instances: invoices(100) });
      const repository = intercept(
        memory,
        atBatch(async ({ argument, proceed }, batch) => {
          if (batch <= kept || batch > kept + lost) return proceed();
          (argument as { next(told: unknown): unknown }).next({ gone: [], kept: [], moved: [] });
          return { status: 'committed' }; // and the database forgets it
        }),
      );

      const report = await backfill(repository, { batchSize: 10 });

      expect(report).toMatchObject({ state: 'completed', total: 100, processed: 100, updated: 100 });
      for (let id = 1; id <= 100; id += 1)
        expect(memory.metadata(id)).toEqual({ invoice_number: `INV-${id}` });
    },
  );

  test('by storing nothing of what it calls committed ends the run', async () => {
    let commits = 0;
    const repository = intercept(
      createMemoryRepository({ instances: invoices(30) }),
      atBatch(async ({ argument }) => {
        commits += 1;
        (argument as { next(told: unknown): unknown }).next({ gone: [], kept: [], moved: [] });
        return { status: 'committed' };
      }),
    );

    await expect(backfill(repository, { batchSize: 10 })).rejects.toMatchObject({
      code: 'REPOSITORY_CONTRACT',
    });
    expect(commits).toBeLessThan(20);
  });

  test('by leaving upTo of a survey out is told what to answer', async () => {
    const repository = intercept(createMemoryRepository(), async ({ method, proceed }) =>
      method === 'surveyInstances' ? { total: 0 } : proceed(),
    );

    await expect(backfill(repository)).rejects.toThrow('upTo: expected a cursor or null, got undefined');
  });

  test('by answering conflict for ever, under ever new revisions, ends the run', async () => {
    let loads = 0;
    let commits = 0;
    const repository = intercept(
      createMemoryRepository({ instances: invoices(5) }),
      async ({ method, argument, proceed }) => {
        if (method === 'commit' && (argument as CommitArgument).instances.length > 0) {
          commits += 1;
          return { status: 'conflict' };
        }
        const answer = await proceed();
        if (method !== 'loadRun') return answer;
        loads += 1;
        return (answer as { id: string; runId: string; revision: string }[]).map((record) =>
          record.id === record.runId ? record : { ...record, revision: `${record.revision}${loads}` },
        );
      },
    );

    await expect(backfill(repository)).rejects.toMatchObject({ code: 'REPOSITORY_CONTRACT' });
    expect(commits).toBeLessThan(300);
  });

  test.each<[string, (records: readonly RunRecord[]) => unknown]>([
    ['null', () => null],
    ['an object', ([record]) => record],
    ['a null among them', (records) => [...records, null]],
    ['another run', (records) => records.map((record) => ({ ...record, runId: 'other' }))],
    ['a record twice', (records) => [...records, ...records]],
    ['a revision as a number', (records) => records.map((record) => ({ ...record, revision: 1 }))],
    ['no activeKey', (records) => records.map(({ activeKey: _, ...record }) => record)],
  ])('by loading a run as %s ends the call', async (_, change) => {
    const repository = intercept(
      createMemoryRepository({ instances: invoices(5) }),
      async ({ method, proceed }) => {
        const answer = await proceed();
        return method === 'loadRun' ? change(answer as RunRecord[]) : answer;
      },
    );

    await expect(backfill(repository)).rejects.toMatchObject({ code: 'REPOSITORY_CONTRACT' });
  });

  test.each<[string, (argument: CommitArgument & { next(told: unknown): unknown }) => unknown]>([
    ['moved', ({ next }) => next({ gone: [], kept: [], moved: ['3'] })],
    ['gone', ({ next }) => next({ gone: ['3'], kept: [], moved: [] })],
    ['kept', ({ next }) => next({ gone: [], kept: [{ id: '3', key: 'invoice_number' }], moved: [] })],
    ['not-exhausted', () => ({ status: 'not-exhausted' })],
  ])('by calling %s what was not asked about ends the run', async (_, answer) => {
    const repository = intercept(
      createMemoryRepository({ instances: invoices(5) }),
      atBatch(async ({ argument }) => answer(argument as never)),
    );

    await expect(backfill(repository)).rejects.toMatchObject({ code: 'REPOSITORY_CONTRACT' });
  });

  type Page = readonly InstanceSnapshot[];
  /** The page of the second batch of ten. That of the first batch was read in two parts. */
  const broken = (change: (page: Page) => unknown) => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const repository = intercept(memory, async ({ method, count, proceed }) => {
      const answer = await proceed();
      return method === 'readInstances' && count === 3 ? change(answer as Page) : answer;
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
    [
      'no data',
      () => [{ ...snapshot, cursor: 12, data: undefined }],
      /data: expected a TaskData with one of the forms none, parsed, json, values, unreadable, got/,
    ],
    [
      'JSON that the driver has parsed',
      () => [{ ...snapshot, cursor: 12, data: { form: 'json', text: {} } }],
      /data\.text: expected a string, got object \(a document that the driver has parsed is { form: 'parsed', value }\)/,
    ],
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

  test.each<[string, (content: Record<string, unknown>, isHeader: boolean) => unknown]>([
    ['a content of null', () => null],
    ['a content that is a text', (content) => JSON.stringify(content)],
    ['an empty content', () => ({})],
    [
      'a header without a definition',
      ({ definition, ...rest }, isHeader) => (isHeader ? rest : { ...rest, definition }),
    ],
    ['a state that there is not', (content, isHeader) => (isHeader ? { ...content, state: 'odd' } : content)],
    [
      'a state of every object',
      (content, isHeader) => (isHeader ? { ...content, state: 'toString' } : content),
    ],
    [
      'paths that are none',
      (content, isHeader) => (isHeader ? { ...content, definition: { paths: [1] } } : content),
    ],
    ['a shard without its tally', ({ tally, ...rest }, isHeader) => (isHeader ? { ...rest, tally } : rest)],
    ['a shard with another index', (content, isHeader) => (isHeader ? content : { ...content, index: 3 })],
  ])('that is damaged is refused: %s', async (_, damage) => {
    const memory = createMemoryRepository({ instances: invoices(3) });
    const { runId } = await backfill(memory);
    const repository = intercept(memory, async ({ method, proceed }) => {
      const answer = await proceed();
      if (method !== 'loadRun') return answer;
      return (answer as RunRecord[]).map((record) => ({
        ...record,
        content: damage(record.content as Record<string, unknown>, record.id === record.runId),
      }));
    });

    await expect(runBackfill({ repository, runId })).rejects.toMatchObject({ code: 'RUN_FORMAT', runId });
  });

  test.each<[string, (record: RunRecord) => boolean]>([
    ['header', ({ id, runId }) => id !== runId],
    ['shard', ({ id, runId }) => id === runId],
  ])('that lacks its %s is refused', async (_, isLeft) => {
    const memory = createMemoryRepository({ instances: invoices(3) });
    const { runId } = await backfill(memory);
    const repository = intercept(memory, async ({ method, proceed }) => {
      const answer = await proceed();
      return method === 'loadRun' ? (answer as RunRecord[]).filter(isLeft) : answer;
    });

    await expect(runBackfill({ repository, runId })).rejects.toThrow(/damaged record .* it is missing/);
  });

  test('whose JSON the repository has not parsed is refused', async () => {
    const memory = createMemoryRepository({ instances: invoices(3) });
    const { runId } = await backfill(memory);
    const repository = intercept(memory, async ({ method, proceed }) => {
      const answer = await proceed();
      if (method !== 'loadRun') return answer;
      return (answer as RunRecord[]).map((record) => ({
        ...record,
        content: JSON.stringify(record.content),
      }));
    });

    await expect(runBackfill({ repository, runId })).rejects.toMatchObject({
      code: 'RUN_FORMAT',
      message: expect.stringContaining('The repository has to parse the JSON of content'),
    });
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
