import pg from 'pg';
import { runBackfill, verifyBackfill } from 'process-metadata-backfill';
import { createPostgresRepository, createRunTable, fromPg } from 'process-metadata-backfill/postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createOwnDatabase } from '../support/own-database.js';
import { describeWith } from '../support/servers.js';

const INSTANCES = 10_000;
const QUIET = { logger: { info() {}, warn() {}, error() {} } };
const COLUMNS = 'host_id int, key text, value text, primary key (host_id, key)';
const ALONE = 'with (autovacuum_enabled = false)';

describeWith(['PostgreSQL'], 'on connections that keep their plans', ({ PostgreSQL: serverUrl }) => {
  let own: Awaited<ReturnType<typeof createOwnDatabase>>;
  beforeAll(async () => {
    own = await createOwnDatabase(serverUrl);
    await query(`
      create table host (id int primary key, model text, data jsonb);
      insert into host select n, 'invoices', jsonb_build_object('number', 'INV-' || n) from generate_series(1, ${INSTANCES}) n;
      create index on host (model, id)`);
    await query(createRunTable());
    await query('vacuum analyze');
  });
  afterAll(() => own.drop());

  test.each([
    ['a table', `create table metadata (${COLUMNS}) ${ALONE}`],
    [
      'a partitioned table',
      `create table metadata (${COLUMNS}) partition by hash (host_id);
       create table metadata_0 partition of metadata for values with (modulus 2, remainder 0) ${ALONE};
       create table metadata_1 partition of metadata for values with (modulus 2, remainder 1) ${ALONE}`,
    ],
  ])('a plan that was made for %s without rows is not used once it has many', async (_, create) => {
    await query(`drop table if exists metadata; delete from metadata_backfill_run; ${create}`);
    await query('vacuum analyze metadata');
    const pool = new pg.Pool({ connectionString: own.url, max: 2 });
    const repository = createPostgresRepository({
      database: fromPg(pool),
      instances: { table: 'host', model: 'model' },
      taskData: { column: 'data', type: 'jsonb' },
      metadata: { table: 'metadata', instance: 'host_id' },
    });
    const paths = [{ key: 'number', path: 'number' }];
    const run = { repository, processModelId: 'invoices', paths, batchSize: 400 };

    expect((await verifyBackfill({ ...run, ...QUIET })).verdict).toBe('different');
    expect(await runBackfill(run)).toMatchObject({ state: 'completed', updated: INSTANCES });
    expect((await verifyBackfill(run)).verdict).toBe('equal');

    await pool.end(); // a connection that ends sends its statistics
    const scanned = await vi.waitUntil(
      async () => {
        const [row] = await query(
          `select sum(n_tup_ins)::int as inserted, sum(seq_tup_read)::int as scanned from pg_stat_user_tables
           where relname in ('metadata', 'metadata_0', 'metadata_1')`,
        );
        return Number(row?.inserted) === INSTANCES && Number(row?.scanned);
      },
      { timeout: 60_000 },
    );
    // A scan per instance is fine while there are few rows. With many rows, such scans would read 100,000,000.
    expect(scanned).toBeLessThan(10_000_000);
  });

  async function query(text: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: own.url });
    await client.connect();
    const { rows } = await client.query(text).finally(() => client.end());
    return rows;
  }
});
