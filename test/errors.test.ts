import { describe, expect, expectTypeOf, test, vi } from 'vitest';
import {
  type BackfillError,
  type BackfillErrorCode,
  InvalidExtractionPathsError,
  InvalidInputError,
  isBackfillError,
  MetadataValueError,
  PortError,
  RepositoryContractError,
  RunError,
} from '../src/errors.js';

const RUN = { runId: 'run-1', progress: { visited: 50, total: 100 } };
const CAUSE = new Error('connection reset');

const ERRORS: readonly [name: string, code: BackfillErrorCode, error: BackfillError][] = [
  ['InvalidExtractionPathsError', 'INVALID_PATHS', new InvalidExtractionPathsError(['[0]: key: blank'])],
  ['InvalidInputError', 'INVALID_INPUT', new InvalidInputError('batchSize: expected …')],
  ['MetadataValueError', 'VALUE_NOT_JSON', new MetadataValueError('VALUE_NOT_JSON', 'NaN')],
  ['MetadataValueError', 'TASK_DATA_UNREADABLE', new MetadataValueError('TASK_DATA_UNREADABLE', 'no JSON')],
  ['MetadataValueError', 'VALUE_UNSAFE_INTEGER', new MetadataValueError('VALUE_UNSAFE_INTEGER', '2 ** 60')],
  ['MetadataValueError', 'VALUE_TOO_LARGE', new MetadataValueError('VALUE_TOO_LARGE', 'shared')],
  ['MetadataValueError', 'VALUE_CYCLIC', new MetadataValueError('VALUE_CYCLIC', 'cycle')],
  ['MetadataValueError', 'VALUE_TOO_DEEP', new MetadataValueError('VALUE_TOO_DEEP', 'deep')],
  ['MetadataValueError', 'VALUE_UNREADABLE', new MetadataValueError('VALUE_UNREADABLE', 'getter')],
  ['RunError', 'RUN_NOT_FOUND', new RunError('RUN_NOT_FOUND', 'run-1', 'no such run')],
  ['RunError', 'RUN_STATE', new RunError('RUN_STATE', 'run-1', 'completed')],
  ['RunError', 'RUN_FORMAT', new RunError('RUN_FORMAT', 'run-1', 'format 2')],
  ['RepositoryContractError', 'REPOSITORY_CONTRACT', new RepositoryContractError('page repeats', RUN)],
  ['PortError', 'PORT_FAILED', new PortError('commit failed', { ...RUN, retryable: true, cause: CAUSE })],
];

describe('every error', () => {
  test.each(ERRORS)(
    '%s (%s) is an Error with its name and code that isBackfillError knows',
    (name, code, error) => {
      expect(error).toBeInstanceOf(Error);
      expect(error.name).toBe(name);
      expect(error.code).toBe(code);
      expect(error.message).not.toBe('');
      expect(isBackfillError(error)).toBe(true);
      expect(isBackfillError(error, code)).toBe(true);
      const other = code === 'INVALID_INPUT' ? 'INVALID_PATHS' : 'INVALID_INPUT';
      expect(isBackfillError(error, other)).toBe(false);
    },
  );

  test.each(ERRORS)('%s (%s) keeps its brand out of what a logger enumerates', (_, __, error) => {
    expect(Object.getOwnPropertySymbols({ ...error })).toEqual([]);
    expect(Object.keys(error)).toEqual(expect.arrayContaining(['name', 'code', 'retryable']));
  });

  test('is not to be tried again unless it says so', () => {
    expect(ERRORS.filter(([, , error]) => error.retryable).map(([name]) => name)).toEqual(['PortError']);
  });

  test('has a cause only where one was given', () => {
    expect(ERRORS.filter(([, , error]) => 'cause' in error).map(([name]) => name)).toEqual(['PortError']);
  });
});

describe('the context of an error', () => {
  test('InvalidExtractionPathsError lists every problem, in the message too', () => {
    const error = new InvalidExtractionPathsError(['[0]: one', '[2]: two']);
    expect(error.problems).toEqual(['[0]: one', '[2]: two']);
    expect(error.message).toBe('Invalid extraction paths:\n- [0]: one\n- [2]: two');
  });

  test('MetadataValueError keeps its cause', () => {
    expect(new MetadataValueError('VALUE_UNREADABLE', 'getter', { cause: CAUSE }).cause).toBe(CAUSE);
  });

  test('RunError names the run, and may be worth another try', () => {
    const error = new RunError('RUN_NOT_FOUND', 'run-1', 'not there yet', { retryable: true });
    expect(error).toMatchObject({ runId: 'run-1', retryable: true, message: 'not there yet' });
  });

  test('RepositoryContractError names the run and the last progress', () => {
    expect(new RepositoryContractError('page repeats', RUN)).toMatchObject({
      ...RUN,
      message: 'page repeats',
    });
  });

  test.each([true, false])(
    'PortError names the run, the last progress and the cause, retryable: %s',
    (retryable) => {
      const error = new PortError('commit failed', { ...RUN, retryable, cause: CAUSE });
      expect(error).toMatchObject({ ...RUN, retryable, cause: CAUSE, message: 'commit failed' });
    },
  );
});

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe('isBackfillError', () => {
  test.each<[what: string, value: unknown]>([
    ['an error of somebody else', new TypeError('no')],
    ['something that cannot even be looked at', revoked()],
    [
      'an error of somebody else with a code of ours',
      Object.assign(new Error('no'), { code: 'INVALID_INPUT' }),
    ],
    ['an object with our name and code', { name: 'InvalidInputError', code: 'INVALID_INPUT', message: 'no' }],
    ['a string', 'INVALID_INPUT'],
    ['null', null],
    ['undefined', undefined],
  ])('says no to %s', (_, value) => {
    expect(isBackfillError(value)).toBe(false);
    expect(isBackfillError(value, 'INVALID_INPUT')).toBe(false);
  });

  test('knows an error of another installed copy of the library', async () => {
    vi.resetModules();
    const copy = await import('../src/errors.js');
    const error = new copy.InvalidInputError('from the copy');
    expect(error).not.toBeInstanceOf(InvalidInputError);
    expect(isBackfillError(error, 'INVALID_INPUT')).toBe(true);
  });

  test('narrows the type', () => {
    const error: unknown = new InvalidInputError('no');
    if (!isBackfillError(error)) throw error;
    expectTypeOf(error).toEqualTypeOf<BackfillError>();
    expectTypeOf(error.code).toEqualTypeOf<BackfillErrorCode>();
  });
});
