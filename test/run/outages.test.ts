import { describe, expect, test } from 'vitest';
import { type BackfillReport, isBackfillError, type RepositoryCommit } from '../../src/index.js';
import { createMemoryRepository, type MemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { backfill, backfillInJobs, idsOf, JUDGED, refusing, TABLE } from './support/refusals.js';

// Outages of every length, beginning at every commit.

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
