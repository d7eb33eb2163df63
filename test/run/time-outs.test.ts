import { describe, expect, test } from 'vitest';
import {
  createBackfillService,
  type InstanceSnapshot,
  type PageQuery,
  type RepositoryCommit,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { isTimeOut } from '../../src/run/calls/is-time-out.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

/** A database that takes too long for more than `most` instances. */
function slow(most: { readonly read?: number; readonly commit?: number }) {
  const batches: number[] = [];
  const memory = createMemoryRepository({ instances: invoices(1000) });
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    const size =
      method === 'commit' ? (argument as RepositoryCommit).instances.length : (argument as PageQuery).limit;
    const limit = method === 'commit' ? most.commit : method === 'readInstances' ? most.read : undefined;
    if (limit !== undefined && size > limit)
      throw databaseError('57014', 'canceling statement due to statement timeout');
    if (method === 'commit' && size > 0) batches.push(size);
    return proceed();
  });
  return { memory, repository, batches };
}

const backfill = (repository: ReturnType<typeof createMemoryRepository>, rest: object = {}) =>
  runBackfill({ repository, processModelId: MODEL, paths: PATHS, runtime: testRuntime(), ...rest });

describe('a batch that takes too long', () => {
  test.each([
    ['a fixed size', 400],
    ['an adaptive size', { initial: 400, max: 2000 }],
  ])('is made smaller, and so are those after it: %s', async (_, batchSize) => {
    const { repository, batches } = slow({ commit: 100 });

    const report = await backfill(repository, { batchSize });

    expect(report).toMatchObject({ state: 'completed', updated: 1000, failed: 0 });
    expect(Math.max(...batches)).toBeLessThanOrEqual(100);
    expect(batches.length).toBeLessThanOrEqual(12);
  });

  test('stays remembered where an instance is refused for its data', async () => {
    const { repository, batches } = slow({ commit: 100 });
    const refusing = intercept(repository, async ({ method, argument, proceed }) => {
      const { instances = [] } = method === 'commit' ? (argument as RepositoryCommit) : {};
      if (instances.some(({ id, values }) => id === 480 && values.length > 0)) throw databaseError('22021');
      return proceed();
    });
    let timeOuts = 0;
    const counting = intercept(refusing, async ({ method, argument, proceed }) => {
      if (method === 'commit' && (argument as RepositoryCommit).instances.length > 100) timeOuts += 1;
      return proceed();
    });

    const report = await backfill(counting as typeof repository, { batchSize: 400 });

    expect(report).toMatchObject({ state: 'completed_with_failures', updated: 999, failed: 1 });
    expect(Math.max(...batches)).toBeLessThanOrEqual(100);
    expect(timeOuts).toBe(2);
  });

  test('is remembered although its job dies before a smaller one gets through', async () => {
    const memory = createMemoryRepository({ instances: invoices(200) });
    const sizes: number[] = [];
    let definition: object = {};
    for (let job = 0; job < 3; job += 1) {
      let timeOuts = 0;
      const repository = intercept(memory, async ({ method, argument, proceed }) => {
        if (timeOuts === 2) throw databaseError('08006');
        const { instances = [] } = method === 'commit' ? (argument as RepositoryCommit) : {};
        if (instances.length === 0) return proceed();
        sizes.push(instances.length);
        timeOuts += 1;
        throw databaseError('57014', 'canceling statement due to statement timeout');
      });
      const failure = await backfill(repository, { batchSize: 100, ...definition }).catch((error) => error);
      definition = { processModelId: undefined, paths: undefined, runId: failure.runId };
    }
    expect(sizes).toEqual([100, 50, 50, 25, 25, 13]);
  });

  test('is remembered by the run: the job after it does not try the size again', async () => {
    const { memory, repository } = slow({ commit: 50 });
    const jobs: unknown[] = [];
    const queue = { enqueue: async (job: { payload: unknown }) => void jobs.push(job.payload) };
    const runtime = testRuntime(1, 200);
    const options = { repository, queue, runtime, batchSize: 400, sliceMs: 1 };
    const service = createBackfillService(options);
    await service.request({ processModelId: MODEL, paths: PATHS });
    await service.handle(jobs.shift());
    const sizes: number[] = [];
    const later = createBackfillService({
      ...options,
      repository: intercept(memory, async ({ method, argument, proceed }) => {
        if (method === 'commit') sizes.push((argument as RepositoryCommit).instances.length);
        return proceed();
      }),
    });
    while (jobs.length > 0) await later.handle(jobs.shift());

    expect(Math.max(...sizes)).toBe(46); // half of the first batch
  });

  test('of one instance is a fault that passes, and blames nobody', async () => {
    const { repository } = slow({ commit: 0 });

    await expect(backfill(repository, { batchSize: 4 })).rejects.toMatchObject({
      code: 'PORT_FAILED',
      retryable: true,
    });
  });
});

test('instances that are only read again count for no size', async () => {
  const memory = createMemoryRepository({
    instances: invoices(10).map((instance) => ({ ...instance, running: true })),
  });
  const limits: unknown[] = [];
  let commits = 0;
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method !== 'commit' || (argument as RepositoryCommit).instances.length === 0) return proceed();
    commits += 1;
    // The ten of the only page are saved before their commit. The next one is of those ten alone, and takes too long.
    if (commits <= 3)
      for (const { id } of (argument as RepositoryCommit<number>).instances)
        memory.updateInstance(id, {
          tasks: [{ state: 'COMPLETED', endedAt: 2, data: { invoice: { number: `new ${id}` } } }],
        });
    if (commits === 3) throw databaseError('57014');
    return proceed();
  });

  const report = await backfill(repository, { batchSize: 10 });

  for (const { content } of await memory.loadRun(report.runId))
    limits.push((content as { batchSizeLimit?: unknown }).batchSizeLimit);
  expect(report).toMatchObject({ state: 'completed', updated: 10, failed: 0 });
  expect(limits).toEqual([undefined, null]);
});

test('a page of instances that are read again says nothing about the size of batches', async () => {
  const memory = createMemoryRepository({
    instances: invoices(60).map((instance) => ({ ...instance, running: true })),
  });
  const limits: number[] = [];
  let isSaved = false;
  let timeOuts = 0;
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    const { instances = [] } = argument as Partial<RepositoryCommit<number>>;
    if (method === 'commit' && instances.length > 10 && !isSaved) {
      isSaved = true;
      for (const { id } of instances.slice(0, 10))
        memory.updateInstance(id, {
          tasks: [{ state: 'COMPLETED', endedAt: 2, data: { invoice: { number: `new ${id}` } } }],
        });
    }
    const { instanceIds, limit } = argument as PageQuery<number>;
    if (method === 'readInstances' && instanceIds !== null && timeOuts < 2) {
      timeOuts += 1;
      throw databaseError('57014');
    }
    if (method === 'readInstances' && instanceIds === null) limits.push(limit);
    return proceed();
  });

  const report = await backfill(repository, { batchSize: 20 });

  expect(report).toMatchObject({ state: 'completed', updated: 60, failed: 0 });
  expect(timeOuts).toBe(2);
  const records = await memory.loadRun(report.runId);
  expect(records.map(({ content }) => Object(content).batchSizeLimit)).toEqual([undefined, null]);
});

test('an instance that takes too long even alone leaves no limit behind, also where its job ends right then', async () => {
  const memory = createMemoryRepository({ instances: invoices(200) });
  const runtime = testRuntime();
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    const { instances = [] } = argument as Partial<RepositoryCommit<number>>;
    if (method !== 'commit' || !instances.some(({ id, values }) => id === 100 && values.length > 0))
      return proceed();
    await runtime.sleep(30_000);
    throw databaseError('57014');
  });
  const jobs: unknown[] = [];
  const service = createBackfillService({
    repository,
    queue: { enqueue: async (job: { readonly payload: unknown }) => void jobs.push(job.payload) },
    runtime,
    batchSize: 100,
    sliceMs: 1_000,
  });
  const { runId } = (await service.request({ processModelId: MODEL, paths: PATHS })) as { runId: string };

  const limits: unknown[] = [];
  for (let job = jobs.shift(); job !== undefined && limits.length < 20; job = jobs.shift()) {
    await service.handle(job).catch(() => jobs.push(job)); // delivered again
    const { failed, state } = await service.status(runId);
    const [, shard] = await memory.loadRun(runId);
    if (failed > 0) limits.push(Object(shard?.content).batchSizeLimit);
    if (state !== 'running' && state !== 'pending') break;
  }

  expect(await service.status(runId)).toMatchObject({ processed: 199, failed: 1 });
  expect(new Set(limits)).toEqual(new Set([null]));
});

test('filled instances between the others count for no size', async () => {
  const tooSlow: number[] = [];
  const repository = intercept(
    createMemoryRepository({ instances: invoices(200) }),
    async ({ method, argument, proceed }) => {
      if (method === 'commit' && (argument as RepositoryCommit).instances.length > 2) {
        tooSlow.push(Number((argument as RepositoryCommit).instances[0]?.id));
        throw databaseError('57014');
      }
      const page = await proceed();
      if (method !== 'readInstances') return page;
      // Each page has one that is not filled among five.
      return (page as readonly InstanceSnapshot[]).map((shown) =>
        Number(shown.id) % 5 === 0 ? shown : { cursor: shown.cursor, filled: 1 },
      );
    },
  );

  const report = await backfill(repository, { batchSize: 40 });

  expect(report).toMatchObject({ state: 'completed', processed: 200, updated: 40 });
  // Batches of 32, 16, 8 and 4. Those of two go through, and after ten of them four are tried again.
  expect(tooSlow).toEqual([5, 5, 5, 5, 105]);
});

test('a page that takes too long is read in halves', async () => {
  const { repository, batches } = slow({ read: 60 });

  const report = await backfill(repository, { batchSize: 400 });

  expect(report).toMatchObject({ state: 'completed', updated: 1000 });
  expect(Math.max(...batches.slice(1))).toBeLessThanOrEqual(60); // the first batch takes several pages
});

test('a time-out that passes does not make batches small for good', async () => {
  let failures = 3;
  const { repository, batches } = slow({});
  const report = await backfill(
    intercept(repository, async ({ method, argument, proceed }) => {
      const isBatch = method === 'commit' && (argument as RepositoryCommit).instances.length > 0;
      if (isBatch && failures > 0) {
        failures -= 1;
        throw databaseError('57014');
      }
      return proceed();
    }),
    { batchSize: 40 },
  );

  expect(report).toMatchObject({ state: 'completed', updated: 1000 });
  expect(Math.max(...batches.slice(-3))).toBe(40);
});

test('a page that needs more halvings than there are tries gets through', async () => {
  const { repository } = slow({ read: 10 });

  expect(await backfill(repository, { batchSize: 5000, retry: { attempts: 2 } })).toMatchObject({
    state: 'completed',
    updated: 1000,
  });
});

test.each([
  [databaseError('57014'), true],
  [databaseError('25P04'), true],
  [databaseError('HYT00'), true],
  [databaseError('P2028'), true],
  [databaseError('ETIMEOUT'), true],
  [databaseError('PROTOCOL_SEQUENCE_TIMEOUT'), true],
  [databaseError('UND_ERR_HEADERS_TIMEOUT'), true],
  [databaseError('P2024'), false],
  [databaseError('25P03'), false],
  [databaseError('55P03'), false],
  [databaseError('ETIMEDOUT'), false],
  [Object.assign(new Error('in a procedure'), { errno: 3024, sqlState: 'HY000' }), true],
  [Object.assign(new Error('max_statement_time'), { errno: 1969, sqlState: '70100' }), true],
  [Object.assign(new Error('killed'), { code: 'ER_QUERY_INTERRUPTED', sqlState: '70100' }), true],
  [Object.assign(new Error('socket timeout'), { errno: 45026, code: 'ER_SOCKET_TIMEOUT' }), true],
  [new DOMException('The operation was aborted due to timeout', 'TimeoutError'), true],
  [Object.assign(new Error('ResourceRequest timed out'), { name: 'TimeoutError' }), false],
  [
    new Error('ConnectorError { kind: QueryError(PostgresError { code: "57014", message: "canceling" }) }'),
    true,
  ],
  [Object.assign(new Error('Timeout expired'), { code: 'EREQUEST', number: -2, class: 11 }), true],
  [Object.assign(new Error('raw query'), { code: 'P2010', meta: { code: '3024' } }), true],
  [new Error('Defined query timeout of 50ms exceeded when running query.'), true],
  [Object.assign(new Error('Lock wait timeout'), { errno: 1205, code: 'ER_LOCK_WAIT_TIMEOUT' }), false],
  [new Error('Query read timeout'), true],
  [new Error(`insert into t values ${'($1, $2), '.repeat(1_000)} - Query read timeout`), true],
  [new Error(`insert into t values ${'($1, $2), '.repeat(1_000)}'Query read timeout'`), false],
  [new Error('wrapped', { cause: databaseError('57014') }), true],
  [Object.assign(new Error('wrapped'), { original: databaseError('57014') }), true],
  [databaseError('40001'), false],
  [databaseError('ECONNRESET'), false],
  ['57014', false],
  [null, false],
])('knows a time-out when it sees one: %s', (error, expected) => {
  expect(isTimeOut(error)).toBe(expected);
});
