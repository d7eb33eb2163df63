import { describe, expect, test } from 'vitest';
import {
  type BackfillReport,
  type BackfillRepository,
  isBackfillError,
  type RepositoryCommit,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository, type MemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

/** `refuse` says which error the database raises for instances with these values by key. */
function refusing(
  repository: BackfillRepository,
  refuse: (ids: readonly number[], keys: readonly string[]) => Error | null,
): BackfillRepository {
  return intercept(repository, async ({ method, argument, proceed }) => {
    if (method !== 'commit') return proceed();
    const instances = (argument as RepositoryCommit<number>).instances.filter(
      ({ values }) => values.length > 0,
    );
    const keys = instances.flatMap(({ values }) => values.map(({ key }) => key));
    const error = refuse(
      instances.map(({ id }) => id),
      keys,
    );
    if (error !== null) throw error;
    return proceed();
  });
}

/** Stores the record that a commit names as it is, under another revision, as another job may. */
async function touchShard(memory: MemoryRepository, argument: unknown): Promise<void> {
  const [name] = (argument as RepositoryCommit).expected;
  const record = (await memory.loadRun(name?.id.split('_')[0] ?? '')).find(({ id }) => id === name?.id);
  if (record === undefined) return;
  await memory.commit({
    processModelId: MODEL,
    expected: [{ id: record.id, revision: record.revision }],
    instances: [],
    next: () => [{ ...record, revision: `touched${Math.random()}` }],
  });
}

/** Which instances a commit writes. */
const idsOf = (argument: unknown): readonly number[] =>
  (Object(argument).instances ?? [])
    .filter(({ values }: RepositoryCommit<number>['instances'][number]) => values.length > 0)
    .map(({ id }: { readonly id: number }) => id);

const REST = { batchSize: 10, retry: { initialDelayMs: 1 } };

const backfill = (
  repository: BackfillRepository,
  definition: object = { processModelId: MODEL, paths: PATHS },
) =>
  runBackfill({ ...REST, ...(definition as { readonly runId: string }), repository, runtime: testRuntime() });

/** Goes on with a run after each error that stops it, as a job runner does. */
async function backfillInJobs(
  repository: BackfillRepository,
  batchSize = 10,
  paths: readonly object[] = PATHS,
): Promise<BackfillReport> {
  let definition: object = { processModelId: MODEL, paths };
  for (let job = 0; job < 50; job += 1) {
    try {
      return await backfill(repository, { ...definition, batchSize });
    } catch (error) {
      if (!isBackfillError(error, 'PORT_FAILED')) throw error;
      definition = { runId: error.runId };
    }
  }
  throw new Error('the run did not end');
}

const TABLE: [what: string, error: Error][] = [
  ['a row policy', databaseError('42501')],
  ['another type', databaseError('42804')],
  ['JSON that SQLite cannot read', databaseError('SQLITE_ERROR')],
  ['a mistake of the adapter', new TypeError("Cannot read properties of undefined (reading 'x')")],
  ['a time-out', databaseError('57014')],
  ['a deadlock with itself', databaseError('40P01')],
  ['a lost connection', databaseError('ECONNRESET')],
];
/** The database has judged what it got, or nobody knows: an instance that is refused alone is to blame. */
const JUDGED: [what: string, error: Error][] = [
  ['a trigger', databaseError('P0001')],
  ['a code that nobody knows', databaseError('XX000')],
  ['no code at all', new Error('refused')],
];
const SIZES = [1, 2, 3, 10, 100];

describe.each([...TABLE, ...JUDGED])('%s', (_, error) => {
  test.each(
    SIZES.flatMap((batchSize) => [
      { batchSize, bad: [11] },
      { batchSize, bad: [15] },
      { batchSize, bad: [20] },
      { batchSize, bad: [30] },
      { batchSize, bad: [12, 14, 17, 29] },
      { batchSize, bad: [11, 20] },
      { batchSize, bad: [11, 19, 20] },
      { batchSize, bad: [29, 30] },
      { batchSize, bad: [13, 26, 27, 28, 29, 30] },
    ]),
  )(
    'is the fault of the instances that alone are refused: $bad, batches of $batchSize',
    async ({ batchSize, bad }) => {
      const memory = createMemoryRepository({ instances: invoices(30) });
      const repository = refusing(memory, (ids) => (ids.some((id) => bad.includes(id)) ? error : null));

      const report = await backfill(repository, { processModelId: MODEL, paths: PATHS, batchSize });

      const failed = bad.length;
      expect(report).toMatchObject({
        state: 'completed_with_failures',
        total: 30,
        processed: 30 - failed,
        failed,
      });
      expect(report.failures.map(({ instanceId, code }) => [instanceId, code])).toEqual(
        bad.map((id) => [id, 'WRITE_REJECTED']),
      );
    },
  );

  test.each(SIZES)('is the fault of neighbours that are refused, batches of %i', async (batchSize) => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const bad = [11, 12, 13, 14, 15, 16];
    const repository = refusing(memory, (ids) => (ids.some((id) => bad.includes(id)) ? error : null));

    const report = await backfill(repository, { processModelId: MODEL, paths: PATHS, batchSize });

    expect(report).toMatchObject({ total: 30, processed: 24, failed: 6 });
    expect(report.failures.map(({ instanceId }) => instanceId)).toEqual(bad);
  });

  test('is the fault of an instance that is refused even without values', async () => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      const isMet =
        method === 'commit' && (argument as RepositoryCommit<number>).instances.some(({ id }) => id === 13);
      if (isMet) throw error;
      return proceed();
    });

    const report = await backfill(repository);
    expect(report).toMatchObject({ total: 30, processed: 29, failed: 1 });
    expect(report.failures).toMatchObject([{ instanceId: 13, code: 'WRITE_REJECTED' }]);
  });

  test('is the fault of a key beside a key that is refused for another reason', async () => {
    const instances = [1, 2, 3, 4].map((id) => instance(id, { a: 'a', b: 'b', c: 'c' }));
    const memory = createMemoryRepository({ instances });
    const repository = refusing(memory, (ids, keys) => {
      if (!ids.includes(3)) return null;
      if (keys.includes('b') && ids.length > 0 && keys.lastIndexOf('b') >= 0) return error;
      return keys.includes('a') ? databaseError('22001') : null;
    });
    const paths = ['a', 'b', 'c'].map((key) => ({ key, path: key }));

    const report = await backfill(repository, { processModelId: MODEL, paths });

    expect(report).toMatchObject({ total: 4, processed: 3, failed: 1 });
    expect(report.failures.every(({ instanceId }) => instanceId === 3)).toBe(true);
  });
});

describe.each(TABLE)('%s', (_, error) => {
  test.each([
    ['before the commit', 'before'],
    ['at the commit', 'at'],
  ])('is the fault of none where all are refused %s', async (_, when) => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      if (method !== 'commit') return proceed();
      const { instances, next } = argument as RepositoryCommit<number>;
      if (!instances.some(({ id, values }) => id > 10 && values.length > 0)) return proceed();
      if (when === 'at') next({ gone: [], kept: [], moved: [] });
      throw error;
    });

    const failure = await backfill(repository).catch((thrown: unknown) => thrown);

    if (!isBackfillError(failure, 'PORT_FAILED') || failure.runId === null) throw failure;
    const report = await backfill(memory, { runId: failure.runId });
    expect(report).toMatchObject({ state: 'completed', total: 30, processed: 30, failed: 0 });
  });

  test.each(
    [2, 10].flatMap((batchSize) => Array.from({ length: 40 }, (_, index) => [index + 1, batchSize] as const)),
  )('is the fault of none where it passes after %i refusals, batches of %i', async (times, batchSize) => {
    let refused = 0;
    const repository = refusing(createMemoryRepository({ instances: invoices(30) }), (ids) => {
      if (!ids.some((id) => id > 10) || refused === times) return null;
      refused += 1;
      return error;
    });

    const report = await backfillInJobs(repository, batchSize);
    expect(report).toMatchObject({ state: 'completed', total: 30, processed: 30, failed: 0 });
  });
});

describe.each([...TABLE, ...JUDGED])('%s', (what, error) => {
  test.each([2, 5, 10])(
    'is the fault of the bad instance alone when everything is refused for a while, batches of %i',
    async (batchSize) => {
      const innocent: unknown[] = [];
      for (let times = 1; times <= 60; times += 1) {
        const instances = Array.from({ length: 20 }, (_, id) => instance(id + 1, { a: 'a', b: 'b' }));
        const [refused, isJudged] = [new Set<object>(), JUDGED.some(([name]) => name === what)];
        const repository = intercept(createMemoryRepository({ instances }), async (call) => {
          const writes = idsOf(call.argument);
          const isBegun = refused.size > 0 || writes.some((id) => id > 10);
          // Where a refusal is proof, only an outage that takes nothing at all is nobody's fault.
          const isMet = writes.some((id) => id > 10) || (isJudged && isBegun);
          const isOut = call.method === 'commit' && refused.size < times && isMet;
          if (isOut) refused.add(call);
          if (isOut || (call.method === 'commit' && writes.includes(13))) throw error;
          return call.proceed();
        });
        const paths = ['a', 'b'].map((key) => ({ key, path: key }));

        const report = await backfillInJobs(repository, batchSize, paths);
        const blamed = report.failures.filter(({ instanceId }) => instanceId !== 13);
        if (blamed.length > 0 || report.failed !== 1) innocent.push({ times, failures: report.failures });
      }
      expect(innocent).toEqual([]);
    },
  );
});

test.each([
  ['P0001', 4, 'of any kind'],
  ['42501', 4, 'of any kind'],
  ['42501', 4, 'with values'],
  ['42501', 10, 'with values'],
])(
  'an outage of commits blames no innocent instance, wherever it begins and ends: %s, batches of %i, commits %s',
  async (code, batchSize, which) => {
    const innocent: unknown[] = [];
    for (let begin = 0; begin < 20; begin += 1) {
      for (let length = 1; length <= 30; length += 1) {
        const instances = Array.from({ length: 10 }, (_, id) => instance(id + 1, { a: 'a', b: 'b' }));
        let commits = -1; // the first one stores the run
        const repository = intercept(createMemoryRepository({ instances }), async (call) => {
          const writes = idsOf(call.argument);
          if (call.method !== 'commit' || (which !== 'of any kind' && writes.length === 0))
            return call.proceed();
          commits += 1;
          const isOut = commits > begin && commits <= begin + length;
          if (isOut || writes.includes(2)) throw databaseError(code);
          return call.proceed();
        });
        const paths = ['a', 'b'].map((key) => ({ key, path: key }));

        const report = await backfillInJobs(repository, batchSize, paths);
        const blamed = report.failures.filter(({ instanceId }) => instanceId !== 2);
        if (blamed.length > 0 || report.failed !== 1)
          innocent.push({ begin, length, failures: report.failures });
      }
    }
    expect(innocent).toEqual([]);
  },
);

/** Commits that would write a value, be it new or in the place of another one. */
const wouldWrite = (memory: MemoryRepository, argument: unknown): boolean =>
  (argument as RepositoryCommit<number>).instances.some(({ id, values }) =>
    values.some(
      ({ key, replaces }) => replaces !== undefined || (memory.metadata(id)?.[key] ?? null) === null,
    ),
  );

test.each(
  ['42501', '55P03', 'ECONNRESET'].flatMap((code) =>
    [1, 4, 10, 100].map((batchSize) => ({ code, batchSize })),
  ),
)(
  'an outage that refuses whatever would be written blames nobody, over many deliveries: $code, batches of $batchSize',
  async ({ code, batchSize }) => {
    for (let begin = 1; begin <= 12; begin += 1) {
      const memory = createMemoryRepository({ instances: invoices(20) });
      let [commits, isOut] = [0, true];
      const repository = intercept(memory, async (call) => {
        if (call.method === 'commit') commits += 1;
        const isRefused =
          isOut && call.method === 'commit' && commits > begin && wouldWrite(memory, call.argument);
        if (isRefused) throw databaseError(code);
        return call.proceed();
      });
      let definition: object = { processModelId: MODEL, paths: PATHS };
      let report: BackfillReport | null = null;
      for (let delivery = 0; report === null; delivery += 1) {
        if (delivery === 4) isOut = false;
        report = await backfill(repository, { ...definition, batchSize }).catch((thrown: unknown) => {
          if (!isBackfillError(thrown, 'PORT_FAILED')) throw thrown;
          definition = { runId: thrown.runId };
          return null;
        });
      }

      expect(report).toMatchObject({ state: 'completed', failed: 0, failures: [] });
    }
  },
);

test.each([1, 10, 100])(
  'an instance whose values are there already is no proof, and nothing is tried without end: batches of %i',
  async (batchSize) => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    for (let id = 1; id <= 30; id += 1) for (const { key } of PATHS) memory.setMetadata(id, key, 'live');
    let calls = 0;
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      calls += 1;
      if (calls > 3_000) throw new Error('without end');
      if (method === 'commit' && idsOf(argument).includes(11)) throw databaseError('42501');
      const answer = await proceed();
      if (method !== 'readInstances') return answer;
      // A replica that lags behind shows no rows.
      return (answer as object[]).map((entry) => ({ ...entry, stored: new Map() }));
    });

    const failure = await backfill(repository, { processModelId: MODEL, paths: PATHS, batchSize }).catch(
      (thrown: unknown) => thrown,
    );

    expect(failure).toMatchObject({ code: 'PORT_FAILED', message: expect.stringContaining('42501') });
  },
);

test('more neighbours than a few are refused by a row policy: it is their fault', async () => {
  const memory = createMemoryRepository({ instances: invoices(300) });
  const isBad = (id: number): boolean => id > 100 && id <= 180;
  const repository = refusing(memory, (ids) => (ids.some(isBad) ? databaseError('42501') : null));

  const report = await backfill(repository, { processModelId: MODEL, paths: PATHS, batchSize: 100 });

  expect(report).toMatchObject({ total: 300, processed: 220, failed: 80 });
});

test.each(Array.from({ length: 14 }, (_, index) => index + 1))(
  'one instance fails although another job touches the shard before commit %i of settling it',
  async (place) => {
    const memory = createMemoryRepository({ instances: invoices(6) });
    let [commits, isBusy] = [0, false];
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      if (method !== 'commit' || isBusy) return proceed();
      const isBad = idsOf(argument).includes(4);
      if (isBad || commits > 0) commits += 1;
      if (commits === place) {
        isBusy = true;
        await touchShard(memory, argument);
        isBusy = false;
      }
      if (isBad) throw databaseError('42501');
      return proceed();
    });

    const report = await backfill(repository, { processModelId: MODEL, paths: PATHS, batchSize: 1 });

    expect(report).toMatchObject({ total: 6, processed: 5, failed: 1 });
  },
);

test('one instance fails although another job touches the shard before every second commit', async () => {
  const memory = createMemoryRepository({ instances: invoices(30) });
  let [commits, isBusy] = [0, false];
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method !== 'commit' || isBusy) return proceed();
    commits += 1;
    if (commits > 1_000) throw new Error('without end');
    if (commits % 2 === 0) {
      isBusy = true;
      await touchShard(memory, argument);
      isBusy = false;
    }
    if (idsOf(argument).includes(14)) throw databaseError('42501');
    return proceed();
  });

  const report = await backfill(repository);

  expect(report).toMatchObject({ total: 30, processed: 29, failed: 1 });
});

test('the last few, which only a later job meets, fail, because the database takes a stored value again', async () => {
  const memory = createMemoryRepository({ instances: invoices(30) });
  const down = intercept(memory, async ({ method, proceed }) => {
    if (method === 'commit' && Object.keys(memory.metadata(27) ?? {}).length > 0)
      throw databaseError('08006');
    return proceed();
  });
  const failure = await backfill(down, { processModelId: MODEL, paths: PATHS, batchSize: 9 }).catch(
    (thrown: unknown) => thrown,
  );
  if (!isBackfillError(failure, 'PORT_FAILED')) throw failure;
  const refused = refusing(memory, (ids) => (ids.some((id) => id > 27) ? databaseError('42501') : null));

  const report = await backfill(refused, { runId: failure.runId });

  expect(report).toMatchObject({ total: 30, processed: 27, failed: 3 });
});

test.each([
  ['was deleted', (memory: MemoryRepository) => memory.deleteInstance(1)],
  ['was filled by another writer', (memory: MemoryRepository) => memory.setMetadata(1, 'a', 'live')],
])('an instance that was committed without a write is no proof: it %s', async (_, disturb) => {
  const instances = Array.from({ length: 6 }, (_, id) => instance(id + 1, { a: 'a' }));
  const memory = createMemoryRepository({ instances });
  let isDisturbed = false;
  const repository = intercept(memory, async (call) => {
    if (call.method !== 'commit' || idsOf(call.argument).length === 0) return call.proceed();
    if (!isDisturbed) disturb(memory);
    isDisturbed = true;
    // Nothing that would really be written is accepted.
    if (idsOf(call.argument).some((id) => id !== 1)) throw databaseError('42501');
    return call.proceed();
  });

  const failure = await backfill(repository, {
    processModelId: MODEL,
    paths: [{ key: 'a', path: 'a' }],
  }).catch((thrown: unknown) => thrown);

  if (!isBackfillError(failure, 'PORT_FAILED')) throw failure;
  const report = await backfill(memory, { runId: failure.runId });
  expect(report).toMatchObject({ failed: 0, failures: [] });
});

test('an instance is not blamed because another job has touched the shard meanwhile', async () => {
  const memory = createMemoryRepository({ instances: invoices(20) });
  const error = databaseError('42501');
  let isBusy = false;
  const repository: BackfillRepository = refusing(
    intercept(memory, async ({ method, argument, proceed }) => {
      const { instances = [] } = argument as RepositoryCommit<number>;
      if (method !== 'commit' || instances.length !== 1 || isBusy) return proceed();
      isBusy = true;
      await touchShard(memory, argument);
      isBusy = false;
      return proceed();
    }),
    (ids) => (ids.some((id) => id > 10) ? error : null),
  );

  const failure = await backfill(repository).catch((thrown: unknown) => thrown);

  if (!isBackfillError(failure, 'PORT_FAILED') || failure.runId === null) throw failure;
  const report = await backfill(memory, { runId: failure.runId });
  expect(report).toMatchObject({ state: 'completed', total: 20, processed: 20, failed: 0 });
});

test.each(['42501', '53100', '40001'])(
  'no message shows a value that was to be written: %s',
  async (code) => {
    const lines: unknown[] = [];
    const log = (line: unknown): void => void lines.push(line);
    const repository = intercept(createMemoryRepository({ instances: invoices(5) }), async (call) => {
      const ids = idsOf(call.argument);
      if (call.method !== 'commit' || ids.length === 0) return call.proceed();
      throw databaseError(code, `customer INV-${ids[0]} may not be stored, nor INV-${ids.at(-1)}`);
    });

    const failure = await runBackfill({
      ...REST,
      repository,
      processModelId: MODEL,
      paths: PATHS,
      runtime: testRuntime(),
      logger: { info: log, warn: log, error: log },
      onProgress: log,
    }).catch((thrown: unknown) => thrown);

    expect(failure).toMatchObject({ code: 'PORT_FAILED' });
    expect([String(failure), JSON.stringify(lines)].join()).not.toContain('INV-');
    expect(String(failure)).toContain('customer … may not be stored');
  },
);

test.each([1, 2, 10])(
  'an instance fails that is refused only at the end of its transaction, batches of %i',
  async (batchSize) => {
    const repository = intercept(createMemoryRepository({ instances: invoices(6) }), async (call) => {
      if (call.method !== 'commit') return call.proceed();
      const commit = call.argument as { next: RepositoryCommit['next'] };
      const { next } = commit;
      commit.next = (outcome) => {
        const records = next(outcome);
        if (idsOf(commit).includes(3)) throw databaseError('42501');
        return records;
      };
      return call.proceed();
    });

    const report = await backfill(repository, { processModelId: MODEL, paths: PATHS, batchSize });

    expect(report).toMatchObject({ total: 6, processed: 5, failed: 1 });
    expect(report.failures).toMatchObject([{ instanceId: 3, code: 'WRITE_REJECTED' }]);
  },
);

test('two instances fail that are locked, although one of them gets no values', async () => {
  const instances = [1, 2, 3, 4, 5].map((id) => instance(id, id === 3 ? {} : { a: 'a' }));
  const memory = createMemoryRepository({ instances });
  const repository = intercept(memory, async (call) => {
    const { instances: named = [] } = call.argument as Partial<RepositoryCommit<number>>;
    if (call.method === 'commit' && named.some(({ id }) => id === 2 || id === 3))
      throw databaseError('55P03');
    return call.proceed();
  });

  const report = await backfill(repository, {
    processModelId: MODEL,
    paths: [{ key: 'a', path: 'a' }],
    missing: 'omit',
  });

  expect(report).toMatchObject({ total: 5, processed: 3, failed: 2 });
  expect(report.failures.map(({ instanceId }) => instanceId)).toEqual([2, 3]);
});
