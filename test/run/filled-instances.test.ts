import { expect, test } from 'vitest';
import {
  type BackfillRepository,
  type PageEntry,
  type PageQuery,
  type RepositoryCommit,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

/** Of nine instances, all are filled but the 4th and the 8th; pages show only those. */
function partlyFilled() {
  const memory = createMemoryRepository({ instances: invoices(9) });
  for (const id of [1, 2, 3, 5, 6, 7, 9]) memory.setMetadata(id, 'invoice_number', 'there before');
  const committed: unknown[] = [];
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method === 'commit') {
      const { instances } = argument as RepositoryCommit;
      if (instances.length > 0) committed.push(instances.map(({ id }) => id));
    }
    if (method !== 'readInstances') return proceed();
    return passingOver(memory, argument as PageQuery);
  });
  return { memory, repository, committed };
}

async function passingOver(memory: BackfillRepository, query: PageQuery): Promise<PageEntry[]> {
  const all = await memory.readInstances({ ...query, limit: 100 });
  const entries: PageEntry[] = [];
  let shown = 0;
  for (const entry of all) {
    if (entry.cursor === 4 || entry.cursor === 8) {
      if (shown === query.limit) break;
      shown += 1;
      entries.push(entry);
      continue;
    }
    const last = entries.at(-1);
    const filled = last !== undefined && 'filled' in last ? last.filled + 1 : 1;
    if (filled > 1) entries.pop();
    entries.push({ cursor: entry.cursor, filled });
  }
  return entries;
}

const backfill = (repository: BackfillRepository, rest: object = {}) =>
  runBackfill({ repository, processModelId: MODEL, paths: PATHS, runtime: testRuntime(), ...rest });

test.each([1, 2, 10])(
  'filled instances are counted, not committed, and no part of a batch of %i',
  async (batchSize) => {
    const { memory, repository, committed } = partlyFilled();

    const report = await backfill(repository, { batchSize });

    expect(report).toMatchObject({
      state: 'completed',
      total: 9,
      processed: 9,
      updated: 2,
      failed: 0,
      gone: 0,
    });
    expect(report.keys).toEqual({
      invoice_number: expect.objectContaining({ written: 2, kept: 7, null: 0, missing: 0, failed: 0 }),
    });
    expect(committed.flat()).toEqual([4, 8]);
    expect(committed).toHaveLength(batchSize === 1 ? 2 : 1);
    expect(memory.metadata(4)).toEqual({ invoice_number: 'INV-4' });
  },
);

test('an instance among complete ones that the store refuses is found, and they are counted once', async () => {
  const { repository } = partlyFilled();
  const refusing = intercept(repository, async ({ method, argument, proceed }) => {
    const writes = method === 'commit' ? (argument as RepositoryCommit).instances : [];
    if (writes.some(({ id, values }) => id === 8 && values.length > 0)) throw databaseError('22001');
    return proceed();
  });

  const report = await backfill(refusing);

  expect(report).toMatchObject({ state: 'completed_with_failures', processed: 8, failed: 1, gone: 0 });
  expect(report.failures).toMatchObject([{ instanceId: 8, code: 'WRITE_REJECTED' }]);
});

test('a store that refuses to move the checkpoint past complete instances is not blamed on one of them', async () => {
  const memory = createMemoryRepository({ instances: invoices(3) });
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method === 'readInstances') return [{ cursor: 3, filled: 3 }];
    const isOfShard =
      method === 'commit' && (argument as RepositoryCommit).expected.every(({ id }) => id.endsWith('_0'));
    if (isOfShard) throw databaseError('22001');
    return proceed();
  });

  await expect(backfill(repository)).rejects.toMatchObject({ code: 'PORT_FAILED', retryable: false });
});

test('complete instances where a key is to be overwritten are an error before any write', async () => {
  const memory = createMemoryRepository({ instances: invoices(3) });
  const repository = intercept(memory, async ({ method, proceed }) =>
    method === 'readInstances' ? [{ cursor: 3, filled: 3 }] : proceed(),
  );

  await expect(backfill(repository, { mode: 'overwrite' })).rejects.toMatchObject({
    code: 'REPOSITORY_CONTRACT',
    message: expect.stringContaining('no filled ones'),
  });
  expect([1, 2, 3].map((id) => memory.metadata(id))).toEqual([{}, {}, {}]);
});

test('complete instances count for the rate, and a batch that shows none for no size', async () => {
  const runtime = testRuntime();
  const limits: number[] = [];
  const repository = intercept(
    createMemoryRepository({ instances: invoices(60) }),
    async ({ method, argument, proceed }) => {
      if (method !== 'readInstances') return proceed();
      const { after, limit } = argument as PageQuery;
      limits.push(limit);
      const visited = Number(after);
      if (visited < 5) return proceed();
      const filled = Math.min(20, 60 - visited);
      return filled > 0 ? [{ cursor: visited + filled, filled }] : [];
    },
  );
  const batchSize = { initial: 5 };

  const report = await backfill(repository, { runtime, batchSize, maxInstancesPerSecond: 10 });

  expect(report).toMatchObject({ state: 'completed', processed: 60 });
  expect(runtime.slept.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThanOrEqual(4000);
  expect(limits.slice(0, 2)).toEqual([1, 4]);
  expect(new Set(limits.slice(2))).toEqual(new Set([7]));
});
