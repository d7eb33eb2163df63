import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { fromPg, type PgClient, type PgPool } from '../../../src/postgres/connections/from-pg.js';
import { createOwnDatabase } from '../../support/own-database.js';
import { describeWith } from '../../support/servers.js';

const NOWHERE = { host: '127.0.0.1', port: 1 };

test.each([
  ['nothing', undefined, 'got nothing'],
  ['a Client', new pg.Client(NOWHERE), 'got a Client'],
  ['a url', 'postgres://root@127.0.0.1/postgres', 'got "postgres://root@127.0.0.1/postgres"'],
  ['the options of a pool', NOWHERE, 'got an object'],
  ['a pool that was not awaited', Promise.resolve(new pg.Pool(NOWHERE)), 'got an object'],
])('refuses %s, and says what to pass', (_, value, got) => {
  expect(() => fromPg(value as unknown as PgPool)).toThrow(
    refusal(`fromPg: expected the Pool of pg, such as new Pool({ connectionString }), ${got}`),
  );
});

test.each([
  ['nothing', undefined, 'got nothing'],
  ['the pool, which would begin another transaction', new pg.Pool(NOWHERE), 'got an object'],
])('refuses %s as a transaction of the host, and says what to pass', (_, value, got) => {
  expect(() => fromPg(new pg.Pool(NOWHERE)).within?.(value as unknown as PgClient)).toThrow(
    refusal(
      `fromPg, transaction: expected the client of pg on which the transaction is open, such as await pool.connect(), ${got}`,
    ),
  );
});

test('listens to a pool once, however many databases are made of it', () => {
  const pool = new pg.Pool(NOWHERE);
  for (let times = 0; times < 3; times += 1) fromPg(pool);
  expect(pool.listenerCount('error')).toBe(1);
  expect(pool.listenerCount('acquire')).toBe(1);
});

describeWith(['PostgreSQL'], 'a pool', ({ PostgreSQL: serverUrl }) => {
  let own: Awaited<ReturnType<typeof createOwnDatabase>>;
  let pools: pg.Pool[] = [];
  beforeAll(async () => {
    own = await createOwnDatabase(serverUrl);
  });
  afterEach(async () => {
    for (const pool of pools) await pool.end();
    pools = [];
  });
  afterAll(() => own.drop());

  function openPool(config: pg.PoolConfig = {}): pg.Pool {
    const pool = new pg.Pool({ connectionString: own.url, max: 2, ...config });
    pools.push(pool);
    return pool;
  }

  test('does not get back a client whose transaction failed to roll back', async () => {
    const pool = openPool({ query_timeout: 200 }); // of the client alone: the server still works on it
    const transaction = fromPg(pool).transaction(({ query }) => query('select pg_sleep(2)::text', []));
    await expect(transaction).rejects.toThrow('Query read timeout');
    expect(pool.idleCount).toBe(0);
    expect(pool.totalCount).toBe(0);
  });

  test('gets back each client whose transaction has ended', async () => {
    const pool = openPool({ max: 1 });
    const database = fromPg(pool);
    await database.transaction(({ query }) => query('select 1', []));
    await expect(database.transaction(({ query }) => query('select 1 / 0', []))).rejects.toThrow('zero');
    expect(pool).toMatchObject({ idleCount: 1, totalCount: 1 });
    expect(await database.query('select 1 as one', [])).toEqual([{ one: 1 }]);
  });

  test('outlives the loss of a client that was open before its database was made', async () => {
    const pool = openPool({ max: 1 });
    await pool.query('select 1');
    const transaction = fromPg(pool).transaction(async ({ query }) => {
      const [row] = await query('select pg_backend_pid() as pid', []);
      const admin = new pg.Client({ connectionString: serverUrl });
      await admin.connect();
      await admin.query('select pg_terminate_backend($1, 60000)', [(row as { pid: number }).pid]);
      await admin.end();
      await setTimeout(100); // until this process has read about it
    });
    await expect(transaction).rejects.toThrow();
  });

  test('returns the default types, whatever the types of the host are', async () => {
    const pool = openPool({ types: { getTypeParser: () => () => 'of the host' } } as pg.PoolConfig);
    expect(
      await fromPg(pool).query("select true as a, 'b'::text as b, 'c'::varchar as c, 4 as d", []),
    ).toEqual([{ a: true, b: 'b', c: 'c', d: 4 }]);
  });

  test('refuses the results of a pool that reads them as bytes, and says what to pass', async () => {
    const pool = openPool({ binary: true } as pg.PoolConfig);
    await expect(fromPg(pool).query('select $1::int4 as a', ['1'])).rejects.toEqual(
      refusal('fromPg: the pool has binary: true. Pass a pool without it.'),
    );
  });
});

function refusal(message: string): unknown {
  return expect.objectContaining({ name: 'InvalidInputError', code: 'INVALID_INPUT', message });
}
