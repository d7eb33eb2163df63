import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidInputError } from '../../../src/index.js';
import type { PostgresConnection } from '../../../src/postgres/database.js';
import { type ReplicaLagOptions, replicaLag } from '../../../src/postgres/throttles/replica-lag.js';
import { eventually } from '../../faults/support/eventually.js';
import { createPglite } from '../../support/pglite.js';
import { describeWith, describeWithPrograms } from '../../support/servers.js';
import { overPg, overPglite } from '../support/connections.js';
import { type ReplicatedPostgres, startReplicatedPostgres } from '../support/replicated-postgres.js';

describe('over PGlite', () => {
  let pglite: PGlite;
  beforeAll(async () => {
    pglite = await createPglite();
  });
  afterAll(() => pglite.close());
  reads(() => overPglite(pglite));
});

describeWith(['PostgreSQL'], 'over PostgreSQL', ({ PostgreSQL }) => {
  const pool = new pg.Pool({ connectionString: PostgreSQL, max: 1 });
  afterAll(() => pool.end());
  reads(() => overPg(pool));
});

describeWithPrograms('with a replica', (programs) => {
  let servers: ReplicatedPostgres;
  beforeAll(async () => {
    servers = await startReplicatedPostgres(programs);
  });
  afterAll(() => servers.close());

  test('batches wait while the replica lags, and go once it has replayed all', async () => {
    const { primary, replica } = servers;
    const throttle = replicaLag({ database: overPg(primary), maxMs: 300, retryAfterMs: 20 });
    await replica.query('select pg_wal_replay_pause()');
    const held = await eventually(async () => {
      await primary.query("select pg_logical_emit_message(true, 'test', 'more')");
      return throttle();
    });
    expect(held.reason).toMatch(/^replica lag [\d.]+ m?s, limit 300 ms$/);
    await replica.query('select pg_wal_replay_resume()');
    await eventually(async () => (await throttle()) === null);
  });

  test('batches wait if the role may not see the lag', async () => {
    const { primary, primaryUrl } = servers;
    await primary.query('create role stranger login');
    const url = primaryUrl.replace('//tester@', '//stranger@');
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    const throttle = replicaLag({ database: overPg(pool), maxMs: 60_000 });
    expect(await throttle()).toEqual({
      reason:
        'replica lag unknown, the query returned null, expected one row with one number (let the role be a member of pg_monitor)',
      retryAfterMs: 5_000,
    });
    await primary.query('grant pg_monitor to stranger');
    expect(await throttle()).toBeNull();
    await pool.end();
  });
});

describe('beside an idle replica', () => {
  let pglite: PGlite;
  beforeAll(async () => {
    pglite = await createPglite();
    await pglite.exec('set search_path = public, pg_catalog');
    await pglite.exec('create table pg_stat_replication (state text, replay_lag interval)');
  });
  afterAll(() => pglite.close());

  test.each([
    ['streaming', null, null],
    ['streaming', '4.9 s', null],
    ['streaming', '5.01 s', 'replica lag 5.1 s, limit 5 s'],
    ['streaming', '2 min', 'replica lag 120 s, limit 5 s'],
    ['catchup', '0.1 s', 'replica lag of a replica that is catching up, limit 5 s'],
    ['startup', null, 'replica lag of a replica that is catching up, limit 5 s'],
    ['backup', null, null],
  ])('one in the state %s with a lag of %s', async (state, lag, reason) => {
    await pglite.exec(
      "truncate pg_stat_replication; insert into pg_stat_replication values ('streaming', null)",
    );
    await pglite.query('insert into pg_stat_replication values ($1, $2)', [state, lag]);
    const answer = await replicaLag({ database: overPglite(pglite), maxMs: 5_000 })();
    expect(answer?.reason ?? null).toBe(reason);
  });
});

test.each([
  [{ maxMs: -1 }, '- maxMs: expected a number of at least 0, got -1'],
  [{}, '- maxMs: expected a number of at least 0, got nothing'],
  [{ maxMs: 1, database: {} }, '- database: expected a database with query, got an object'],
  [{ maxMs: 1, query: ' ' }, '- query: expected a text that is not blank, got " "'],
  [{ maxMs: 1, retryAfterMs: 0 }, '- retryAfterMs: expected a whole number from 1 to 86,400,000, got 0'],
])('refuses %j', (options, message) => {
  const database: PostgresConnection = { query: async () => [] };
  const make = () => replicaLag({ database, ...options } as ReplicaLagOptions);
  expect(make).toThrow(InvalidInputError);
  expect(make).toThrow(message);
});

/** What holds on every PostgreSQL. */
function reads(database: () => PostgresConnection): void {
  test('without a replica, batches go', async () => {
    expect(await replicaLag({ database: database(), maxMs: 0 })()).toBeNull();
  });

  test.each([
    ['select 12000', 'replica lag 12 s, limit 5 s'],
    ['select 5000.5::numeric', 'replica lag 5.1 s, limit 5 s'],
    ['select 6000::bigint', 'replica lag 6 s, limit 5 s'],
    ['select 6000::float8', 'replica lag 6 s, limit 5 s'],
    ['select 5000', null],
    ['select null::int', 'replica lag unknown, the query returned null, expected one row with one number'],
    ["select 'a'", 'replica lag unknown, the query returned "a", expected one row with one number'],
    ['select true', 'replica lag unknown, the query returned true, expected one row with one number'],
    ["select 'NaN'::float8", 'replica lag unknown, the query returned NaN, expected one row with one number'],
    [
      'select 1 where false',
      'replica lag unknown, the query returned 0 rows, expected one row with one number',
    ],
    ['values (1), (2)', 'replica lag unknown, the query returned 2 rows, expected one row with one number'],
    [
      'select 1 as a, 2 as b',
      'replica lag unknown, the query returned 2 columns, expected one row with one number',
    ],
    ['select lag from nowhere', 'replica lag unknown, the query failed: relation "nowhere" does not exist'],
  ])('of %s says %j', async (query, reason) => {
    const throttle = replicaLag({ database: database(), query, maxMs: 5_000, retryAfterMs: 70 });
    expect(await throttle()).toEqual(reason === null ? null : { reason, retryAfterMs: 70 });
  });
}
