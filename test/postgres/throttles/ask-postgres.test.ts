import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { all, InvalidInputError } from '../../../src/index.js';
import { type AskPostgresOptions, askPostgres } from '../../../src/postgres/throttles/ask-postgres.js';
import { createOwnDatabase } from '../../support/own-database.js';
import { describeWith } from '../../support/servers.js';
import { holdWhileBusy, LIMITS } from '../recipes/hold-while-busy.js';
import { overPg } from '../support/connections.js';

const [CONNECTIONS, WAL, VACUUMS] = LIMITS;

describeWith(['PostgreSQL'], 'a recipe', ({ PostgreSQL }) => {
  let own: Awaited<ReturnType<typeof createOwnDatabase>>;
  let pool: pg.Pool;
  beforeAll(async () => {
    own = await createOwnDatabase(PostgreSQL);
    pool = new pg.Pool({ connectionString: own.url, max: 5 });
    await pool.query('create table process_instance_metadata (id int)');
  });
  afterAll(async () => {
    await pool.end();
    await own.drop();
  });

  test('holds no batch of a calm database', async () => {
    expect(await holdWhileBusy(overPg(pool))()).toBeNull();
  });

  test('counts the active connections', async () => {
    const options = { database: overPg(pool), ...CONNECTIONS };
    expect(await askPostgres({ ...options, max: 10_000 })()).toBeNull();
    expect((await askPostgres({ ...options, max: 0 })())?.reason).toMatch(
      /^active connections \d+, limit 0$/,
    );
  });

  test('measures the WAL that slots keep', async () => {
    const options = { database: overPg(pool), ...WAL };
    expect(await askPostgres({ ...options, max: 1_000_000 })()).toBeNull();
    expect((await askPostgres({ ...options, max: -1 })())?.reason).toMatch(
      /^WAL kept for replication slots \d+ MB, limit -1 MB$/,
    );
  });

  test('sees a vacuum of the metadata', async () => {
    const throttle = askPostgres({ database: overPg(pool), ...VACUUMS });
    expect(await throttle()).toBeNull();
    await pool.query(`insert into process_instance_metadata select generate_series(1, 200000)`);
    await pool.query('delete from process_instance_metadata');
    const client = await pool.connect();
    await client.query('set vacuum_cost_delay = 100; set vacuum_cost_limit = 1');
    const vacuum = client.query('vacuum process_instance_metadata').catch(() => {});
    let reason: string | undefined;
    while (reason === undefined) reason = (await throttle())?.reason;
    expect(reason).toBe('vacuums of the metadata 1, limit 0');
    await pool.query(
      'select pg_cancel_backend(pid) from pg_stat_progress_vacuum where datname = current_database()',
    );
    await vacuum;
    client.release(true);
  });
});

test('shows the message of the server, in one line', async () => {
  const cause = Object.assign(new Error('no\nsuch table'), { code: '42P01' });
  const query = () => Promise.reject(new Error('Failed query: select …', { cause }));
  const throttle = askPostgres({ ...OPTIONS, database: { query } });
  expect(await throttle()).toEqual({
    reason: 'load unknown, the query failed: no\\u000asuch table',
    retryAfterMs: 5_000,
  });
});

test('is one of several', async () => {
  const throttle = all(() => null, askPostgres({ ...OPTIONS, max: 1 }));
  expect(await throttle()).toEqual({ reason: 'load 2 per core, limit 1 per core', retryAfterMs: 5_000 });
});

test.each([
  [{ max: '5' }, '- max: expected a number, got "5"'],
  [{ name: undefined }, '- name: expected a text that is not blank, got nothing'],
  [{ limit: 5 }, '- limit: unknown'],
])('refuses %j', (options, message) => {
  const make = () => askPostgres({ ...OPTIONS, ...options } as AskPostgresOptions);
  expect(make).toThrow(InvalidInputError);
  expect(make).toThrow(message);
});

const OPTIONS: AskPostgresOptions = {
  database: { query: async () => [{ load: 2 }] },
  name: 'load',
  query: 'select 2',
  max: 3,
  unit: 'per core',
};
