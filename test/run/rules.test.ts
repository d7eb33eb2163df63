import { describe, expect, test } from 'vitest';
import { createMemoryRepository } from '../../src/memory/index.js';
import { backOffMs, mayTryAgain } from '../../src/run/calls/back-off.js';
import { classifyError } from '../../src/run/calls/classify-error.js';
import { compareCursors } from '../../src/run/context/compare-cursors.js';
import { newRunId } from '../../src/run/record/new-ids.js';

import { fingerprint } from '../../src/run/record/run-definition.js';
import type { RunDefinition } from '../../src/run/record/run-record.js';
import { databaseError } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

describe('classifyError', () => {
  const repository = createMemoryRepository();
  const thrown = (members: object, message = 'it failed'): Error =>
    Object.assign(new Error(message), members);

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
    ['2200H', 'systemic'],
    ['ER_AUTOINC_READ_FAILED', 'doubtful'],
    ['ER_DATA_TOO_LONG', 'instance'],
    ['SQLITE_CONSTRAINT_CHECK', 'instance'],
    ['53100', 'systemic'],
    ['42P01', 'doubtful'],
    ['42501', 'doubtful'],
    ['58030', 'systemic'],
    ['0A000', 'doubtful'],
    ['28P01', 'systemic'],
    ['25006', 'transient'],
    ['26000', 'transient'],
    ['40003', 'transient'],
    ['40002', 'instance'],
    ['08P01', 'transient'],
    ['72000', 'transient'],
    ['25P04', 'transient'],
    ['HYT00', 'transient'],
    ['P0001', 'suspect'],
    ['P0004', 'suspect'],
    ['54000', 'suspect'],
    ['54023', 'suspect'],
    ['44000', 'suspect'],
    ['45000', 'suspect'],
    ['21000', 'suspect'],
    ['38000', 'suspect'],
    ['XX000', 'unknown'],
    ['53200', 'transient'],
    ['53400', 'transient'],
    ['XX001', 'doubtful'],
    ['EMFILE', 'transient'],
    ['CERT_HAS_EXPIRED', 'systemic'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'systemic'],
    ['25P02', 'unknown'],
    ['HY000', 'unknown'],
    ['U0001', 'unknown'],
    ['P1001', 'transient'],
    ['P1017', 'transient'],
    ['P2024', 'transient'],
    ['P2028', 'transient'],
    ['P2034', 'transient'],
    ['P2037', 'transient'],
    ['P2000', 'instance'],
    ['P2002', 'instance'],
    ['P2033', 'instance'],
    ['P1003', 'systemic'],
    ['P2021', 'doubtful'],
    ['P2029', 'suspect'],
    ['P2010', 'unknown'],
    ['CONNECTION_CLOSED', 'transient'],
    ['CONNECTION_DESTROYED', 'transient'],
    ['CONNECT_TIMEOUT', 'transient'],
    ['ESOCKET', 'transient'],
    ['ETIMEOUT', 'transient'],
    ['UND_ERR_SOCKET', 'transient'],
    ['UND_ERR_CONNECT_TIMEOUT', 'transient'],
    ['UND_ERR_HEADERS_TIMEOUT', 'transient'],
    ['UND_ERR_BODY_TIMEOUT', 'transient'],
    ['UND_ERR_CLOSED', 'transient'],
    ['UND_ERR_DESTROYED', 'transient'],
    ['UND_ERR_INVALID_ARG', 'unknown'],
    ['ECONNCLOSED', 'transient'],
    ['ELOGIN', 'systemic'],
    ['ER_OPTION_PREVENTS_STATEMENT', 'transient'],
    ['ER_UNKNOWN_COM_ERROR', 'transient'],
    ['ER_USER_LIMIT_REACHED', 'transient'],
    ['ER_TOO_MANY_USER_CONNECTIONS', 'transient'],
    ['ER_TABLE_DEF_CHANGED', 'transient'],
    ['ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION', 'transient'],
    ['ER_STATEMENT_TIMEOUT', 'transient'],
    ['ER_LOCK_NOWAIT', 'transient'],
    ['ER_SOCKET_UNEXPECTED_CLOSE', 'transient'],
    ['ER_GET_CONNECTION_TIMEOUT', 'transient'],
    ['ER_DUP_ENTRY', 'instance'],
    ['ER_CHECK_CONSTRAINT_VIOLATED', 'instance'],
    ['ER_SIGNAL_EXCEPTION', 'suspect'],
    ['ER_NET_PACKET_TOO_LARGE', 'suspect'],
    ['ER_PS_MANY_PARAM', 'suspect'],
    ['ER_TABLEACCESS_DENIED_ERROR', 'doubtful'],
    ['ER_DISK_FULL', 'systemic'],
    ['ER_INTERNAL_ERROR', 'unknown'],
    ['SQLITE_LOCKED_SHAREDCACHE', 'transient'],
    ['SQLITE_SCHEMA', 'transient'],
    ['SQLITE_ABORT', 'transient'],
    ['SQLITE_ABORT_ROLLBACK', 'transient'],
    ['SQLITE_AUTH', 'systemic'],
    ['SQLITE_CORRUPT', 'systemic'],
    ['ENOSPC', 'systemic'],
    ['ER_NO_SUCH_TABLE', 'doubtful'],
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

  test.each([
    [{ errno: 1213 }, 'transient'],
    [{ errno: 1969, sqlState: '70100' }, 'transient'],
    [{ errno: 1047, sqlState: '08S01' }, 'transient'],
    [{ errno: 1226, sqlState: '42000' }, 'transient'],
    [{ errno: 4025, sqlState: '23000', code: 'UNKNOWN' }, 'instance'],
    [{ errno: 1644, sqlState: '45000' }, 'suspect'],
    [{ errno: 1234567, sqlState: '22007' }, 'instance'],
    [{ errno: 1105, sqlState: 'HY000', code: 'ER_UNKNOWN_ERROR' }, 'unknown'],
    [{ errno: -111, code: 'ECONNREFUSED' }, 'transient'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 5 }, 'transient'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 517 }, 'transient'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 2067 }, 'instance'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 13 }, 'systemic'],
    [{ name: 'SQLiteError', code: 275 }, 'instance'],
    [{ resultCode: 6 }, 'transient'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 17 }, 'transient'],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 516 }, 'transient'],
    [{ code: 'UNKNOWN', errno: 9007, sqlState: 'HY000' }, 'transient'],
    [{ errno: 8022, sqlState: 'HY000' }, 'transient'],
    [{ errno: 8002, sqlState: 'HY000' }, 'transient'],
    [{ code: 'P2010', meta: { code: '1213', message: 'Deadlock found' } }, 'transient'],
    [{ code: 'P2010', meta: { code: '1205', message: 'Lock wait timeout exceeded' } }, 'transient'],
    [{ code: 'P2010', meta: { code: '1406', message: 'Data too long' } }, 'instance'],
    [{ code: 'EREQUEST', number: 3930, class: 16 }, 'transient'],
    [{ code: 'EREQUEST', number: 976, class: 14 }, 'transient'],
    [{ code: 'EREQUEST', number: 41302, class: 16 }, 'transient'],
    [{ code: 'EREQUEST', number: -2, class: 11 }, 'transient'],
    [{ code: 'ELOGIN', originalError: { code: 'ELOGIN', isTransient: true } }, 'transient'],
    [{ code: 'ELOGIN', originalError: { code: 'ELOGIN', isTransient: false } }, 'systemic'],
    [{ code: '0A000', routine: 'RevalidateCachedQuery' }, 'transient'],
    [{ code: 'EREQUEST', number: 1205, class: 13 }, 'transient'],
    [{ code: 'EREQUEST', number: 2627, class: 14 }, 'instance'],
    [{ code: 'EREQUEST', number: 50000, class: 16 }, 'suspect'],
    [{ code: 'EREQUEST', number: 208, class: 16 }, 'doubtful'],
    [{ name: 'PrismaClientInitializationError', errorCode: 'P1001' }, 'transient'],
    [{ name: 'KnexTimeoutError' }, 'transient'],
    [{ message: `no text: 'PgError { code: "57014" }'` }, 'unknown'],
    ...[
      ['PostgresError { code: "55P03", message: "lock", severity: "ERROR" }', 'transient'],
      ['PostgresError { code: "57014", message: "canceling statement" }', 'transient'],
      ['PostgresError { code: "42501", message: "no", detail: Some("25P02") }', 'doubtful'],
      ['PostgresError { code: "22001", message: "too long" }', 'instance'],
      ['Error { kind: Db, cause: Some(DbError { code: SqlState("40001"), message: "no" }) }', 'transient'],
      ['Error { kind: Db, cause: Some(DbError { code: SqlState(E40P01), message: "no" }) }', 'transient'],
      ['MysqlError { code: 1205, message: "Lock wait timeout", state: "HY000" }', 'transient'],
      ['SqliteError { extended_code: 5, message: Some("database is locked") }', 'transient'],
    ].map(([text, expected]): [object, string | undefined] => [
      {
        message: `Error occurred during query execution:\nConnectorError(ConnectorError { kind: QueryError(${text}) })`,
      },
      expected,
    ]),
    [{ name: 'SequelizeConnectionAcquireTimeoutError' }, 'transient'],
  ])('takes an error with %j as %s', (members, expected) => {
    expect(classifyError(repository, thrown(members))).toBe(expected);
  });

  test.each([
    ['cause', (inner: unknown) => ({ cause: inner })],
    ['original', (inner: unknown) => ({ original: inner })],
    ['parent', (inner: unknown) => ({ parent: inner })],
    ['driverError', (inner: unknown) => ({ driverError: inner })],
    ['nativeError', (inner: unknown) => ({ nativeError: inner })],
    ['originalError', (inner: unknown) => ({ originalError: inner })],
    ['sourceError', (inner: unknown) => ({ sourceError: inner })],
    ['meta, which is no error', () => ({ code: 'P2010', meta: { code: '40001', message: 'conflict' } })],
    [
      'an adapter of Prisma',
      () => ({ meta: { driverAdapterError: { cause: { originalCode: '40001' } } }, code: 'P2010' }),
    ],
    ['a list of errors', (inner: unknown) => ({ errors: ['no error', inner] })],
    ['five others', (inner: unknown) => [1, 2, 3, 4, 5].reduce((cause) => ({ cause }), { cause: inner })],
    ['an error whose own code says nothing', (inner: unknown) => ({ code: 'SOMETHING', cause: inner })],
  ])('finds a code within %s', (_, wrap) => {
    expect(classifyError(repository, thrown(wrap(databaseError('40001'))))).toBe('transient');
  });

  test('is not caught by errors that wrap one another, or that cannot be read', () => {
    const circle: Record<string, unknown> = {};
    const other = { cause: circle, errors: [circle] };
    Object.assign(circle, { cause: other, parent: circle });
    const hostile = new Proxy(
      {},
      {
        get() {
          throw new Error('no');
        },
      },
    );

    expect(classifyError(repository, circle)).toBe('unknown');
    expect(classifyError(repository, hostile)).toBe('unknown');
    expect(classifyError(repository, Object.create(null))).toBe('unknown');
    expect(classifyError(repository, null)).toBe('unknown');
  });

  test('takes an error of the program as doubtful, and one without a code as unknown', () => {
    expect(classifyError(repository, new TypeError('x is not a function'))).toBe('doubtful');
    expect(classifyError(repository, new Error('poison'))).toBe('unknown');
    expect(classifyError(repository, new SyntaxError('Unexpected token <'))).toBe('unknown');
    expect(classifyError(repository, 'poison')).toBe('unknown');
  });

  test.each([
    'Connection terminated unexpectedly',
    'Client has encountered a connection error and is not queryable',
    'timeout exceeded when trying to connect',
    'timeout expired',
    'Connection terminated due to connection timeout',
    "Can't add new command when connection is in closed state",
    'begin; - Connection terminated unexpectedly',
    `insert into "t" ("v") values ('a - b', 'it''s') - Connection terminated`,
  ])('takes “%s”, which has no code, as transient', (message) => {
    expect(classifyError(repository, new Error(message))).toBe('transient');
  });

  test.each([
    new TypeError('fetch failed', { cause: new Error('other side closed') }),
    new TypeError('terminated'),
    thrown({ sourceError: new TypeError('fetch failed') }, 'Error connecting to database'),
    thrown({ name: 'KnexTimeoutError' }, 'Defined query timeout of 50ms exceeded when running query.'),
    new Error('Query read timeout'),
  ])('takes what HTTP drivers and time-outs throw without a code as transient: %s', (error) => {
    expect(classifyError(repository, error)).toBe('transient');
  });

  test('is not misled by a value in the statement that Knex puts in front', () => {
    const error = new Error(`insert into "t" values ('x - Connection terminated') - something else`);

    expect(classifyError(repository, error)).toBe('unknown');
  });

  test('tries again where PostgreSQL has to prepare a statement again', () => {
    const error = databaseError('0A000', 'cached plan must not change result type');

    expect(classifyError(repository, error)).toBe('transient');
  });

  test.each([
    ['throws', () => JSON.parse('')],
    ['answers a word that there is not', () => 'retry'],
  ])('decides itself when the repository %s', (_, classify) => {
    const odd = { ...repository, classifyError: classify as () => undefined };

    expect(classifyError(odd, databaseError('40001'))).toBe('transient');
  });

  test('leaves the word to the repository', () => {
    const outspoken = {
      ...repository,
      classifyError: (error: unknown) => (error === 'wait' ? ('transient' as const) : undefined),
    };

    expect(classifyError(outspoken, 'wait')).toBe('transient');
    expect(classifyError(outspoken, databaseError('28P01'))).toBe('systemic');
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
    dryRun: false,
    differences: 'keys',
    maxListedDifferences: 100_000,
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
    ['dryRun', 'm', { ...definition, dryRun: true }],
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
