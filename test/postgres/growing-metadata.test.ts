import pg from 'pg';
import { runBackfill, verifyBackfill } from 'process-metadata-backfill';
import { createPostgresRepository, createRunTable, fromPg } from 'process-metadata-backfill/postgres';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createOwnDatabase } from '../support/own-database.js';
import { describeWith } from '../support/servers.js';

const INSTANCES = 10_000;

describeWith(['PostgreSQL'], 'on connections that keep their plans', ({ PostgreSQL: serverUrl }) => {
  let own: Awaited<ReturnType<typeof createOwnDatabase>>;
  beforeAll(async () => {
    own = await createOwnDatabase(serverUrl);
    await query(`
      create table host (id int primary key, model text, data jsonb);
      create table metadata (host_id int, key text, value text, primary key (host_id, key))
        with (autovacuum_enabled = false);
      insert into host select n, 'invoices', jsonb_build_object('number', 'INV-' || n) from generate_series(1, ${INSTANCES}) n;
      create index on host (model, id)`);
    await query(createRunTable());
    await query('vacuum analyze');
  });
  afterAll(() => own.drop());

  test('metadata that were empty when their statements were planned are never scanned for each instance', async () => {
    const pool = new pg.Pool({ connectionString: own.url, max: 2 });
    const repository = createPostgresRepository({
      database: fromPg(pool),
      instances: { table: 'host', model: 'model' },
      taskData: { column: 'data', type: 'jsonb' },
      metadata: { table: 'metadata', instance: 'host_id' },
    });
    const paths = [{ key: 'number', path: 'number' }];
    const run = { repository, processModelId: 'invoices', paths, batchSize: 400 };
    const quiet = { logger: { info() {}, warn() {}, error() {} } };

    expect((await verifyBackfill({ ...run, ...quiet })).verdict).toBe('different');
    expect(await runBackfill(run)).toMatchObject({ state: 'completed', updated: INSTANCES });
    expect((await verifyBackfill(run)).verdict).toBe('equal');
    await pool.end(); // a connection that ends sends its statistics

    const read = await vi.waitUntil(
      async () => {
        const [row] = await query(
          `select n_tup_ins::int as inserted, seq_tup_read::int as scanned from pg_stat_user_tables where relname = 'metadata'`,
        );
        return Number(row?.inserted) === INSTANCES && Number(row?.scanned);
      },
      { timeout: 60_000 },
    );
    // Of a few rows, each instance may read all. Of all rows, that would make 100,000,000.
    expect(read).toBeLessThan(10_000_000);
  });

  async function query(text: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: own.url });
    await client.connect();
    const { rows } = await client.query(text).finally(() => client.end());
    return rows;
  }
});
