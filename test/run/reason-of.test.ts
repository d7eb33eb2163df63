import { describe, expect, test } from 'vitest';
import { type JsonValue, PortError } from '../../src/index.js';
import { reasonOf } from '../../src/run/calls/reason-of.js';
import { noteSentValues } from '../../src/run/calls/sent-values.js';
import { databaseError } from '../support/intercept.js';

/** The reason when a commit of these values has failed. */
function reasonOfCommit(error: Error, values: readonly JsonValue[]): string {
  noteSentValues(error, [{ id: 1, values: values.map((value, index) => ({ key: `${index}`, value })) }]);
  return reasonOf(error);
}

const thrown = (message: string, members: object = {}): Error => Object.assign(new Error(message), members);

describe('the reason of an error', () => {
  test.each<[string, unknown, string]>([
    [
      'node-postgres',
      databaseError('22001', 'value too long for type character varying(255)'),
      'value too long for type character varying(255) (SQLSTATE 22001)',
    ],
    [
      'mysql2',
      thrown("Data too long for column 'value' at row 1", {
        code: 'ER_DATA_TOO_LONG',
        errno: 1406,
        sqlState: '22001',
        sql: "insert into t values ('secret')",
        sqlMessage: "Data too long for column 'value' at row 1",
      }),
      "Data too long for column 'value' at row 1 (ER_DATA_TOO_LONG)",
    ],
    [
      'the mariadb connector',
      thrown(
        "(conn:12, no: 1644, SQLState: 45000) not today\nsql: insert into t values (?) - parameters:['secret']",
        { code: 'ER_SIGNAL_EXCEPTION', errno: 1644, sqlState: '45000', sqlMessage: 'not today' },
      ),
      'not today (ER_SIGNAL_EXCEPTION)',
    ],
    [
      'Knex',
      databaseError('22001', `insert into "t" ("v") values ('a - secret', 'it''s') - value too long`),
      'value too long (SQLSTATE 22001)',
    ],
    [
      'Knex without a code',
      thrown('begin; - Connection terminated unexpectedly'),
      'Connection terminated unexpectedly',
    ],
    [
      'Knex whose message quotes what it puts in front',
      databaseError('22P02', `select $1 - invalid input syntax for type integer: "1 - secret"`),
      'invalid input syntax for type integer: "…" (SQLSTATE 22P02)',
    ],
    [
      'Drizzle',
      thrown('Failed query: insert into t values ($1)\nparams: secret', {
        query: 'insert into t values ($1)',
        params: ['secret'],
        cause: databaseError('23514', 'new row for relation "t" violates check constraint "t_check"'),
      }),
      'new row for relation "t" violates check constraint "t_check" (SQLSTATE 23514)',
    ],
    [
      'Drizzle without a cause',
      thrown('Failed query: insert into t values ($1)\nparams: secret', {
        query: 'insert into t values ($1)',
      }),
      'an error without a message',
    ],
    [
      'Sequelize',
      thrown('deadlock detected', {
        name: 'SequelizeDatabaseError',
        sql: 'insert into t values (1)',
        parent: databaseError('40P01', 'deadlock detected'),
      }),
      'deadlock detected (SQLSTATE 40P01)',
    ],
    [
      'TypeORM',
      thrown('duplicate key value violates unique constraint "t_pkey"', {
        query: 'insert into t values ($1)',
        parameters: ['secret'],
        code: '23505',
        driverError: databaseError('23505', 'duplicate key value violates unique constraint "t_pkey"'),
      }),
      'duplicate key value violates unique constraint "t_pkey" (SQLSTATE 23505)',
    ],
    [
      'Prisma, where the database is within',
      thrown('\nInvalid `prisma.$executeRaw()` invocation:\n\n\nRaw query failed. Code: `22001`.', {
        code: 'P2010',
        meta: { code: '22001', message: 'value too long for type character varying(50)' },
      }),
      'value too long for type character varying(50) (SQLSTATE 22001)',
    ],
    [
      'Prisma itself',
      thrown(
        "\nInvalid `prisma.metadata.create()` invocation in\n/app/x.ts:1:2\n\n→ 1 create('secret')\nThe provided value for the column is too long for the column's type. Column: value",
        { code: 'P2000', meta: { column_name: 'value' } },
      ),
      "The provided value for the column is too long for the column's type. Column: value (P2000)",
    ],
    [
      'node:sqlite',
      thrown('UNIQUE constraint failed: t.v', { code: 'ERR_SQLITE_ERROR', errcode: 2067 }),
      'UNIQUE constraint failed: t.v (SQLite 2067)',
    ],
    [
      'a number whose name MySQL and MariaDB do not share',
      thrown('CONSTRAINT `positive` failed for `db`.`t`', {
        code: 'ER_INNODB_AUTOEXTEND_SIZE_OUT_OF_RANGE',
        errno: 4025,
        sqlState: '23000',
      }),
      'CONSTRAINT `positive` failed for `db`.`t` (errno 4025)',
    ],
    [
      'a socket of Node.js, whose message has the code',
      thrown('connect ECONNREFUSED 127.0.0.1:5432', { code: 'ECONNREFUSED' }),
      'connect ECONNREFUSED 127.0.0.1:5432',
    ],
    [
      'several addresses of a host',
      Object.assign(
        new AggregateError([thrown('connect ECONNREFUSED ::1:1', { code: 'ECONNREFUSED' })], ''),
        {
          code: 'ECONNREFUSED',
        },
      ),
      'connect ECONNREFUSED ::1:1',
    ],
    [
      'Prisma, where it does not know the error of the database',
      thrown(
        '\nInvalid `prisma.x.create()` invocation:\n\n\nConnectorError(ConnectorError { kind: QueryError(PostgresError { code: "23514", message: "new row violates check constraint \\"c\\"", detail: Some("Failing row contains (1, secret).") }) })',
      ),
      'new row violates check constraint "c" (SQLSTATE 23514)',
    ],
    [
      'a message that lists a row',
      databaseError('2627', 'Violation of a key. The duplicate key value is (25, secret (2)).'),
      'Violation of a key. The duplicate key value is (…). (2627)',
    ],
    [
      'a message that lists a key',
      thrown('duplicate entry: Key (v, w)=(secret, secret) already exists.'),
      'duplicate entry: Key (v, w)=(…) already exists.',
    ],
    [
      'a message that lists a key of an expression',
      databaseError('23505', 'duplicate key: Key (lower(email::text))=(bob@x.com) already exists.'),
      'duplicate key: Key (lower(email::text))=(…) already exists. (SQLSTATE 23505)',
    ],
    [
      'a password without a user, or with odd characters',
      thrown('cannot connect to redis://:s3cret@host or mysql://u:p/s@s@h/db'),
      'cannot connect to redis://:…@host or mysql://u:…@h/db',
    ],
    [
      'Prisma, which quotes line breaks',
      thrown('ConnectorError(PostgresError { code: "23514", message: "line 1\\nline 2" })'),
      'line 1 line 2 (SQLSTATE 23514)',
    ],
    [
      'a statement behind comments',
      thrown("-- name: write\n/* app */ (insert into t values ('secret')) - no space left"),
      'no space left',
    ],
    ['a procedure', thrown("exec write 'secret' - no space left"), 'no space left'],
    [
      'a connection with its password',
      thrown('cannot connect to postgres://app:secret@db:5432/x'),
      'cannot connect to postgres://app:…@db:5432/x',
    ],
    [
      'a message that is too long to show',
      thrown('x'.repeat(5_000)),
      'an error whose message of 5000 characters is too long to show',
    ],
    ['the host itself', new RangeError('the key "a" is too long'), 'the key "a" is too long'],
    ['a foreign key', databaseError('23503', 'update or delete on table "t" violates it'), ''],
  ])('of %s is the message of the database with its code', (_, error, reason) => {
    expect(reasonOf(error)).toBe(reason || 'update or delete on table "t" violates it (SQLSTATE 23503)');
  });

  test.each([
    ["Duplicate entry 'secret' for key 'PRIMARY'", "Duplicate entry '…' for key 'PRIMARY'"],
    ["Duplicate entry 'it's secret' for key 'uq'", "Duplicate entry '…' for key 'uq'"],
    ["Duplicate entry 'x' for key 'secret' for key 'uq'", "Duplicate entry '…' for key 'uq'"],
    [
      "Incorrect string value: '\\xF0secret' for column `db`.`t`.`v` at row 1",
      "Incorrect string value: '…' for column `db`.`t`.`v` at row 1",
    ],
    ["Truncated incorrect DOUBLE value: 'secret'", "Truncated incorrect DOUBLE value: '…'"],
    ["Incorrect integer value: 'secret' for column 'v'", "Incorrect integer value: '…' for column 'v'"],
    ["Can't write 'secret' here", "Can't write '…' here"],
    ['invalid input syntax for type json: "secret"', 'invalid input syntax for type json: "…"'],
    ['invalid input value for enum mood: "sec"ret"', 'invalid input value for enum mood: "…"'],
    ['value "secret" is out of range for type integer', 'value "…" is out of range for type integer'],
    ['date/time field value out of range: "secret', 'date/time field value out of range: "…"'],
    ['null value in column "value" of relation "t"', 'null value in column "value" of relation "t"'],
    ['ungültige Eingabe: „secret“', 'ungültige Eingabe: „…“'],
    ['entrée invalide : « secret »', 'entrée invalide : «…»'],
    ['`secret; drop table x`', '`…`'],
    [
      'ungültige Eingabesyntax für Typ integer: »secret 4711«',
      'ungültige Eingabesyntax für Typ integer: »…«',
    ],
    ['型integerの入力構文が不正です: 「secret」', '型integerの入力構文が不正です: 「…」'],
    ['cannot connect: host=db user=app password=secret', 'cannot connect: host=db user=app password=…'],
  ])('hides what is data in: %s', (message, hidden) => {
    expect(reasonOf(databaseError('22000', message))).toBe(`${hidden} (SQLSTATE 22000)`);
  });

  test('hides the values that it is told, quoted or not', () => {
    const error = databaseError('P0001', 'no report wants secret\n  value, nor "secret value"');

    expect(reasonOfCommit(error, ['secret value', 'no'])).toBe('no report wants …, nor "…" (SQLSTATE P0001)');
  });

  test('hides the longest value first, whatever their order', () => {
    const error = databaseError('P0001', 'no report wants INV-77-SECRET, nor INV');

    expect(reasonOfCommit(error, ['INV', 'INV-77', 'INV-77-SECRET'])).toBe(
      'no report wants …, nor … (SQLSTATE P0001)',
    );
  });

  test('hides values of any length that a message can have', () => {
    const error = databaseError('P0001', `no report wants ${'secret'.repeat(500)}`);

    expect(reasonOfCommit(error, ['secret'.repeat(500)])).toBe('no report wants … (SQLSTATE P0001)');
  });

  test('hides each of many values', () => {
    const values = Array.from({ length: 90_000 }, (_, index) => `value ${index}`);
    const error = databaseError('P0001', `value 89999 and value 99 ${'x'.repeat(1_900)}`);

    expect(reasonOfCommit(error, values)).not.toContain('99');
  });

  test.each(['["a","secret",Bob]', '{"name": "secret", x', '"secret', 'secret'])(
    'hides what JSON.parse quotes of the document %s',
    (text) => {
      const parse = (): unknown => JSON.parse(text);
      let error: unknown;
      try {
        parse();
      } catch (thrown) {
        error = thrown;
      }

      expect(reasonOf(error)).not.toMatch(/secret|Bob/);
      expect(reasonOf(error)).not.toBe('');
    },
  );

  test('hides what JSON.parse quotes of a document', () => {
    let error: unknown;
    try {
      JSON.parse('secret');
    } catch (thrown) {
      error = thrown;
    }

    expect(reasonOf(error)).not.toContain('secret');
  });

  test.each([
    ['a long message', databaseError('22001', 'x'.repeat(10_000))],
    [
      'a message with a statement of 10 MB',
      databaseError('22001', `insert into t values ('${'x'.repeat(1e7)}') - no`),
    ],
    ['many open quotes', databaseError('22001', `: "'`.repeat(1e4))],
    ['a text', 'x'.repeat(1e6)],
    ['halves of characters', databaseError('22001', '😀'.repeat(1_000))],
  ])('has at most 500 characters: %s', (_, error) => {
    const reason = reasonOf(error);

    expect(reason.length).toBeLessThanOrEqual(500);
    expect(reason).not.toMatch(/\p{Surrogate}/u);
  });

  test.each<[string, unknown]>([
    ['an object without a prototype', Object.create(null)],
    ['an object that cannot be a text', { toString: null, valueOf: null }],
    ['a message that is none', { message: { secret: true } }],
    [
      'an object that cannot be read',
      new Proxy(
        {},
        {
          get() {
            throw new Error('no');
          },
        },
      ),
    ],
    ['an empty error', new Error('')],
  ])('is there for %s', (_, error) => {
    expect(reasonOf(error)).toBe('an error without a message');
  });

  test.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('odd'), 'Symbol(odd)'],
    [7n, '7'],
  ])('is there for %s', (error, reason) => {
    expect(reasonOf(error)).toBe(reason);
  });

  test('of an error of this library is its own message', () => {
    const context = { runId: null, progress: { visited: 0, total: 0 }, retryable: true };
    const error = new PortError('repository.commit failed: no', {
      ...context,
      cause: databaseError('40001'),
    });

    expect(reasonOf(error)).toBe('repository.commit failed: no');
  });
});
