import { describe, expect, test } from 'vitest';
import { createMemoryRepository } from '../../src/memory/index.js';
import { backOffMs, mayTryAgain } from '../../src/run/calls/back-off.js';
import { classifyError } from '../../src/run/calls/classify-error.js';
import { compareCursors } from '../../src/run/context/compare-cursors.js';

import { fingerprint, newRunId } from '../../src/run/record/run-definition.js';
import type { RunDefinition } from '../../src/run/record/run-record.js';
import { databaseError } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

describe('classifyError', () => {
  const repository = createMemoryRepository();

  test.each([
    ['40001', 'transient'],
    ['40P01', 'transient'],
    ['08006', 'transient'],
    ['57P01', 'transient'],
    ['53300', 'transient'],
    ['57014', 'transient'],
    ['25P03', 'transient'],
    ['57P05', 'transient'],
    ['ECONNRESET', 'transient'],
    ['ER_LOCK_DEADLOCK', 'transient'],
    ['PROTOCOL_CONNECTION_LOST', 'transient'],
    ['ER_CLIENT_INTERACTION_TIMEOUT', 'transient'],
    ['ER_QUERY_TIMEOUT', 'transient'],
    ['SQLITE_BUSY', 'transient'],
    ['22001', 'instance'],
    ['23505', 'instance'],
    ['ER_DATA_TOO_LONG', 'instance'],
    ['SQLITE_CONSTRAINT_CHECK', 'instance'],
    ['53100', 'systemic'],
    ['25006', 'systemic'],
    ['42P01', 'systemic'],
    ['42501', 'systemic'],
    ['XX000', 'systemic'],
    ['ENOSPC', 'systemic'],
    ['ER_NO_SUCH_TABLE', 'systemic'],
    ['SQLITE_FULL', 'systemic'],
    ['SQLITE_READONLY', 'systemic'],
    ['SOMETHING_ELSE', 'unknown'],
  ])('takes the code %s as %s', (code, expected) => {
    expect(classifyError(repository, databaseError(code))).toBe(expected);
  });

  test('looks at the cause of an error that was wrapped', () => {
    expect(classifyError(repository, new Error('query failed', { cause: databaseError('40001') }))).toBe(
      'transient',
    );
  });

  test('takes an error of the program as systemic, and one without a code as unknown', () => {
    expect(classifyError(repository, new TypeError('x is not a function'))).toBe('systemic');
    expect(classifyError(repository, new Error('poison'))).toBe('unknown');
    expect(classifyError(repository, 'poison')).toBe('unknown');
  });

  test.each([
    'Connection terminated unexpectedly',
    'Client has encountered a connection error and is not queryable',
    'timeout exceeded when trying to connect',
    'timeout expired',
  ])('takes “%s” of node-postgres, which has no code, as transient', (message) => {
    expect(classifyError(repository, new Error(message))).toBe('transient');
  });

  test('leaves the word to the repository', () => {
    const outspoken = {
      ...repository,
      classifyError: (error: unknown) => (error === 'wait' ? ('transient' as const) : undefined),
    };

    expect(classifyError(outspoken, 'wait')).toBe('transient');
    expect(classifyError(outspoken, databaseError('42P01'))).toBe('systemic');
  });
});

describe('compareCursors', () => {
  test.each([
    [9, 10, -1],
    [10, 10, 0],
    ['b', 'a', 1],
    ['10', '9', -1],
    [[1, 'b'], [1, 'a'], 1],
    [[1, 'a'], [2, 'a'], -1],
    [[1, 'a'], [1, 'a'], 0],
    [[1], [1, 'a'], -1],
    [[1, 'a'], [1], 1],
  ])('puts %j and %j in order', (a, b, expected) => {
    expect(Math.sign(compareCursors(a, b))).toBe(expected);
  });
});

describe('backOffMs', () => {
  test('doubles up to the longest delay, the upper half of it at random', () => {
    const delays = [1, 2, 3, 4, 5].map((failed) => [
      backOffMs({ initialDelayMs: 100, maxDelayMs: 1000 }, failed, () => 0),
      backOffMs({ initialDelayMs: 100, maxDelayMs: 1000 }, failed, () => 1),
    ]);

    expect(delays).toEqual([
      [50, 100],
      [100, 200],
      [200, 400],
      [400, 800],
      [500, 1000],
    ]);
  });

  test('five tries are all by default', () => {
    expect([1, 4, 5].map((failed) => mayTryAgain({}, failed))).toEqual([true, true, false]);
  });
});

describe('the identity of a run', () => {
  const definition: RunDefinition = {
    paths: [
      { key: 'a', segments: ['x', 'y'], mode: 'fill' },
      { key: 'b', segments: ['z'], mode: 'fill' },
    ],
    missing: 'null',
    clear: false,
    limit: null,
    instanceIds: null,
    maxFailures: null,
    shards: 1,
  };

  test('is the same for the same work in another order', () => {
    const reversed = { ...definition, paths: definition.paths.toReversed(), maxFailures: 7 };

    expect(fingerprint('m', reversed)).toBe(fingerprint('m', definition));
  });

  test.each<[string, string, RunDefinition]>([
    ['model', 'n', definition],
    ['paths', 'm', { ...definition, paths: definition.paths.slice(1) }],
    [
      'segments',
      'm',
      { ...definition, paths: [{ key: 'a', segments: ['x.y'], mode: 'fill' }, ...definition.paths.slice(1)] },
    ],
    [
      'mode',
      'm',
      { ...definition, paths: definition.paths.map((path) => ({ ...path, mode: 'overwrite' as const })) },
    ],
    ['missing', 'm', { ...definition, missing: 'omit' }],
    ['limit', 'm', { ...definition, limit: 10 }],
    ['instances', 'm', { ...definition, instanceIds: [1] }],
  ])('differs with the %s', (_, model, other) => {
    expect(fingerprint(model, other)).not.toBe(fingerprint('m', definition));
  });

  test('ids of runs sort by the time of their creation', () => {
    const runtime = testRuntime(1, 1);
    const ids = Array.from({ length: 50 }, () => newRunId(runtime));

    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(50);
  });
});
