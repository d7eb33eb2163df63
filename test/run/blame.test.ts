import { describe, expect, test } from 'vitest';
import {
  type BackfillRepository,
  isBackfillError,
  type RepositoryCommit,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository, type MemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';
import { backfill, idsOf, JUDGED, REST, refusing, TABLE } from './support/refusals.js';

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
