import { PGlite } from '@electric-sql/pglite';
import { afterAll, expect, test } from 'vitest';
import { InvalidInputError } from '../../../src/index.js';
import { quoteIdentifier, quoteName } from '../../../src/postgres/sql/quote-name.js';

const pglite = new PGlite();
afterAll(() => pglite.close());

test.each(['orders', 'Orders', 'order', 'a "b" \'c\'', '"', '?', '$1', 'ä😀', 'x'.repeat(63)])(
  'makes %j the name that it is',
  async (name) => {
    const table = quoteName(`Some schema.${name}`);
    await pglite.exec(`create schema if not exists "Some schema"; create table ${table} (id int)`);
    const { rows } = await pglite.query('select schemaname, tablename from pg_tables where tablename = $1', [
      name,
    ]);
    expect(rows).toEqual([{ schemaname: 'Some schema', tablename: name }]);
  },
);

test('takes a dot for the end of the schema, but for a part of other names', () => {
  expect(quoteName('app.Orders')).toBe('"app"."Orders"');
  expect(quoteName('Orders')).toBe('"Orders"');
  expect(quoteIdentifier('a.b')).toBe('"a.b"');
});

test.each([
  ['', 'instances.table: expected a name, got ""'],
  ['a.', 'instances.table: expected a name, got ""'],
  ['.a', 'instances.table: expected a name, got ""'],
  ['a.b.c', "instances.table: expected 'table' or 'schema.table', got \"a.b.c\""],
  ['ä'.repeat(32), 'instances.table: expected a name of at most 63 bytes, got one of 64'],
  [undefined, 'instances.table: expected a name, got nothing'],
])('refuses %j', (name, message) => {
  expect(() => quoteName(name as string, 'instances.table')).toThrow(new InvalidInputError(message));
});

test.each(['', 'a\0', '\ud800', 'x'.repeat(64), null])('refuses the identifier %j', (name) => {
  expect(() => quoteIdentifier(name as string)).toThrow(InvalidInputError);
});
