import { describe, expect, test } from 'vitest';
import { type BackfillRepository, type RepositoryCommit, runBackfill } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, MODEL } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const KEYS = ['a', 'b', 'c', 'd', 'e'] as const;
const PATHS = KEYS.map((key) => ({ key, path: key }));
const whole = { a: 'A', b: 'B', c: 'C', d: 'D', e: 'E' };
const without = (...keys: string[]) =>
  Object.fromEntries(Object.entries(whole).filter(([key]) => !keys.includes(key)));

const backfill = (repository: BackfillRepository, rest: object = {}) =>
  runBackfill({ repository, processModelId: MODEL, paths: PATHS, runtime: testRuntime(), ...rest });

/** A database that refuses each value with "refused" in it, as a trigger or a column would. */
function refusing(memory: ReturnType<typeof createMemoryRepository>, error: () => Error) {
  return intercept(memory, async ({ method, argument, proceed }) => {
    const { instances } = argument as RepositoryCommit;
    const isRefused =
      method === 'commit' &&
      instances.some(({ values }) => values.some(({ value }) => String(value).includes('refused')));
    if (isRefused) throw error();
    return proceed();
  });
}

let deep: unknown = 'bottom';
for (let level = 0; level < 70; level += 1) deep = [deep];

describe('one bad key of an instance does not cost its good ones', () => {
  test.each([
    ['a value that is nested too deep', deep, 'VALUE_TOO_DEEP'],
    ['NaN', Number.NaN, 'VALUE_NOT_JSON'],
    ['a cycle', cycle(), 'VALUE_CYCLIC'],
  ])('%s', async (_, bad, code) => {
    const memory = createMemoryRepository({
      instances: [instance(1, whole), instance(2, { ...whole, c: bad }), instance(3, whole)],
    });

    const report = await backfill(memory);

    expect(memory.metadata(2)).toEqual(without('c'));
    expect(report).toMatchObject({
      state: 'completed_with_failures',
      processed: 2,
      updated: 3,
      failed: 1,
      failures: [{ instanceId: 2, key: 'c', code }],
    });
    expect(report.keys.c).toMatchObject({ written: 2, failed: 1 });
    expect(report.keys.a).toMatchObject({ written: 3, failed: 0 });
  });

  test.each([
    ['one', ['b']],
    ['two', ['b', 'd']],
    ['all but one', ['a', 'b', 'c', 'd']],
  ])('%s that the database refuses', async (_, refused) => {
    const data = { ...whole, ...Object.fromEntries(refused.map((key) => [key, `refused ${key}`])) };
    const memory = createMemoryRepository({
      instances: [instance(1, whole), instance(2, data), instance(3, whole)],
    });

    const report = await backfill(refusing(memory, () => databaseError('22001', 'value too long')));

    expect(memory.metadata(1)).toEqual(whole);
    expect(memory.metadata(2)).toEqual(without(...refused));
    expect(report).toMatchObject({ processed: 2, failed: 1, updated: 3 });
    expect(report.failures.map(({ instanceId, key, code }) => [instanceId, key, code])).toEqual(
      refused.map((key) => [2, key, 'WRITE_REJECTED']),
    );
    for (const [key, counts] of Object.entries(report.keys))
      expect(counts).toMatchObject(
        refused.includes(key) ? { written: 2, failed: 1 } : { written: 3, failed: 0 },
      );
  });

  test('if all are refused, the instance gets nothing, and the others all', async () => {
    const data = Object.fromEntries(KEYS.map((key) => [key, 'refused']));
    const memory = createMemoryRepository({ instances: [instance(1, data), instance(2, whole)] });

    const report = await backfill(refusing(memory, () => databaseError('22001')));

    expect(memory.metadata(1)).toEqual({});
    expect(memory.metadata(2)).toEqual(whole);
    expect(report).toMatchObject({ processed: 1, failed: 1, updated: 1 });
    expect(report.failures.map(({ instanceId, key }) => [instanceId, key])).toEqual(
      KEYS.map((key) => [1, key]),
    );
    for (const counts of Object.values(report.keys)) expect(counts).toMatchObject({ written: 1, failed: 1 });
  });

  test('what was found under the other keys still counts: kept, missing, a value that JSON cannot carry', async () => {
    const memory = createMemoryRepository({
      instances: [instance(1, { a: 'refused a', b: 'B', d: Number.NaN, e: 'refused e' })],
    });
    memory.setMetadata(1, 'b', 'live');

    const report = await backfill(
      refusing(memory, () => databaseError('22001')),
      { missing: 'omit' },
    );

    expect(memory.metadata(1)).toEqual({ b: 'live' });
    expect(report.failures.map(({ key, code }) => [key, code])).toEqual([
      ['d', 'VALUE_NOT_JSON'],
      ['a', 'WRITE_REJECTED'],
      ['e', 'WRITE_REJECTED'],
    ]);
    expect(report.keys).toMatchObject({
      a: { failed: 1 },
      b: { kept: 1, failed: 0 },
      c: { missing: 1, failed: 0 },
      d: { failed: 1 },
      e: { failed: 1 },
    });
  });

  test('a hiccup while values are tried out blames no innocent key', async () => {
    const memory = createMemoryRepository({ instances: [instance(1, { ...whole, b: 'refused' })] });
    let hiccups = 0;
    const repository = intercept(
      refusing(memory, () => databaseError('22001')),
      async ({ method, argument, proceed }) => {
        const { instances } = argument as RepositoryCommit;
        const isProbe = method === 'commit' && instances[0]?.values.some(({ key }) => key === 'd');
        if (isProbe && !instances[0]?.values.some(({ key }) => key === 'b') && hiccups === 0) {
          hiccups += 1;
          throw new Error('pool: no connection at the moment');
        }
        return proceed();
      },
    );

    const report = await backfill(repository);

    expect(hiccups).toBe(1);
    expect(memory.metadata(1)).toEqual(without('b'));
    expect(report.failures).toMatchObject([{ instanceId: 1, key: 'b' }]);
  });

  test('an instance that is saved after each refusal does not keep the run busy for ever', async () => {
    const memory = createMemoryRepository({
      instances: [instance(1, { ...whole, b: 'refused' }), instance(2, whole)],
    });
    let commits = 0;
    const repository = intercept(
      refusing(memory, () => databaseError('22001')),
      async ({ method, argument, proceed }) => {
        const isOfOne =
          method === 'commit' && (argument as RepositoryCommit).instances.some(({ id }) => id === 1);
        if (isOfOne) commits += 1;
        if (commits > 200) throw databaseError('42501', 'enough');
        return proceed().finally(() => {
          if (isOfOne) memory.updateInstance(1, {});
        });
      },
    );

    const report = await backfill(repository);

    expect(report).toMatchObject({ state: expect.stringContaining('completed'), total: 2 });
    expect(memory.metadata(2)).toEqual(whole);
  });

  test('of many keys, the refused one is found by halves', async () => {
    const keys = Array.from({ length: 64 }, (_, index) => `k${index}`);
    const data = Object.fromEntries(keys.map((key) => [key, key === 'k40' ? 'refused' : key]));
    const memory = createMemoryRepository({ instances: [instance(1, data)] });
    let commits = 0;
    const repository = intercept(
      refusing(memory, () => databaseError('22001')),
      async ({ method, proceed }) => {
        if (method === 'commit') commits += 1;
        return proceed();
      },
    );

    const report = await backfill(repository, { paths: keys.map((key) => ({ key, path: key })) });

    expect(report.failures).toMatchObject([{ key: 'k40' }]);
    expect(commits).toBeLessThan(25);
  });

  test.each([
    ['a text', (value: unknown) => String(value)],
    ['a promise', async (value: unknown) => ({ text: String(value), truncated: false })],
    ['a number for the text', () => ({ text: 5, truncated: false })],
  ])('a formatValue that returns %s deletes and writes nothing', async (_, formatValue) => {
    const memory = createMemoryRepository({ instances: [instance(1, whole)] });
    memory.setMetadata(1, 'a', 'old');

    const report = await backfill({ ...memory, formatValue: formatValue as never }, { mode: 'overwrite' });

    expect(memory.metadata(1)).toEqual({ a: 'old' });
    expect(report).toMatchObject({ updated: 0, failed: 1 });
    expect(report.failures[0]?.reason).toContain('formatValue returned no { text, truncated }');
  });

  test('a parsed document that is JSON encoded twice fails, instead of giving nulls', async () => {
    const memory = createMemoryRepository({ instances: [instance(1, JSON.stringify(whole))] });

    const report = await backfill(memory);

    expect(report.failures).toMatchObject([{ instanceId: 1, key: null, code: 'TASK_DATA_UNREADABLE' }]);
    expect(report.failures[0]?.reason).toContain('encoded twice');
  });

  test('a document that cannot be read fails every key', async () => {
    const memory = createMemoryRepository({
      instances: [{ id: 1, processModelId: MODEL, tasks: [{ state: 'COMPLETED', json: '{"a": 1' }] }],
    });

    const report = await backfill(memory);

    expect(report.failures).toMatchObject([{ instanceId: 1, key: null, code: 'TASK_DATA_UNREADABLE' }]);
    for (const counts of Object.values(report.keys)) expect(counts).toMatchObject({ failed: 1 });
  });
});

function cycle(): unknown {
  const loop: unknown[] = [];
  loop.push(loop);
  return loop;
}
