import postgres from 'postgres';
import { expect, test } from 'vitest';
import {
  fromPostgresJs,
  type PostgresJs,
  type PostgresJsTransaction,
} from '../../../src/postgres/connections/from-postgres-js.js';
import { startTcpProxy } from '../../faults/support/tcp-proxy.js';
import { describeWith } from '../../support/servers.js';

test.each([
  ['nothing', undefined, 'got nothing'],
  ['the function that makes it', postgres, 'got a function'],
  ['a url', 'postgres://nowhere', 'got "postgres://nowhere"'],
])('refuses %s, and says what to pass', (_, value, got) => {
  expect(() => fromPostgresJs(value as unknown as PostgresJs)).toThrow(
    refusal(`fromPostgresJs: expected the sql that postgres(url) returns, ${got}`),
  );
});

test.each([
  ['nothing', undefined, 'got nothing'],
  ['sql itself, which is outside of it', postgres('postgres://127.0.0.1:1/nowhere'), 'got a function'],
])('refuses %s as a transaction of the host, and says what to pass', (_, value, got) => {
  const { within } = fromPostgresJs(postgres('postgres://127.0.0.1:1/nowhere'));
  expect(() => within?.(value as unknown as PostgresJsTransaction)).toThrow(
    refusal(
      `fromPostgresJs, transaction: expected what postgres.js passes to the callback of begin(), ${got}`,
    ),
  );
});

test('rejects a transaction that cannot begin', async () => {
  const sql = postgres('postgres://127.0.0.1:1/nowhere');
  const transaction = fromPostgresJs(sql).transaction(async () => 'never');
  await expect(transaction).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

describeWith(['PostgreSQL'], 'postgres.js', ({ PostgreSQL: url }) => {
  test('rejects work that has caught an error of a statement, and goes on with its connection', async () => {
    const sql = postgres(url, { max: 1 });
    const { transaction, query } = fromPostgresJs(sql);
    const rejected = transaction(async ({ query }) => {
      await query('select 1 / 0', []).catch(() => {});
      await query('select 1', []).catch(() => {});
      return 'resolved';
    });
    await expect(rejected).rejects.toMatchObject({ code: '22012' });
    expect(await query('select 1 as one', [])).toEqual([{ one: 1 }]);
    await sql.end();
  });

  test.each([
    ['rejects with its error', false],
    ['catches its error', true],
  ])('rejects work that %s when its connection is cut without a word', async (_, catches) => {
    const proxy = await startTcpProxy(url);
    const sql = postgres(proxy.url, { max: 1, backoff: false });
    const errors: unknown[] = [];
    const cut = fromPostgresJs(sql).transaction(async ({ query }) => {
      await query('select 1', []);
      const answer = query('select pg_sleep(0.5)::text', []);
      setTimeout(() => proxy.goDown(), 100);
      try {
        await answer;
      } catch (error) {
        errors.push(error);
        if (!catches) throw error;
        await query('select 1', []).catch((late: unknown) => errors.push(late)); // at once
      }
    });
    await expect(cut).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    expect(errors).toMatchObject(
      Array.from({ length: catches ? 2 : 1 }, () => ({ code: 'CONNECTION_CLOSED' })),
    );
    await sql.end({ timeout: 0.1 });
  });
});

function refusal(message: string): unknown {
  return expect.objectContaining({ name: 'InvalidInputError', code: 'INVALID_INPUT', message });
}
