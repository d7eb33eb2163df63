import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import {
  type BackfillReport,
  createBackfillService,
  runBackfill,
  type SweepReport,
} from 'process-metadata-backfill';
import { createInProcessQueue } from 'process-metadata-backfill/memory';
import { repositoryConformance } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';
import { describeWith } from '../support/servers.js';
import { LONG_MS } from './fixtures/conformance-of.js';
import { rowsOf } from './fixtures/left-behind.js';
import { postgresFixture } from './fixtures/postgres-fixture.js';

const INSTANCES = 200;

describeWith(['PostgreSQL'], 'in the database of a host that runs backfills', ({ PostgreSQL: url }) => {
  const schema = `conformance_${randomBytes(6).toString('hex')}`;
  const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}` });
  beforeAll(async () => {
    const tables = await readFile('examples/2-embedded-postgres/schema.sql', 'utf8');
    await pool.query(`create schema ${schema}; ${tables}`);
  });
  afterAll(async () => {
    await pool.query(`drop schema ${schema} cascade`);
    await pool.end();
  });

  test('all cases pass, each run of the host ends right, and only its rows are left', async () => {
    const database = pgDatabase(pool);
    const { repository, insertInstances, sql } = postgresFixture(database);
    const processModelId = 'live';
    await insertInstances(
      Array.from({ length: INSTANCES }, (_, number) => ({
        processModelId,
        running: number % 2 === 0,
        tasks: [{ id: randomUUID(), state: 'COMPLETED', endedAt: new Date(1000), data: { number } }],
      })),
    );
    const before = await rowsOf(sql);
    const { sweep } = createBackfillService({ repository, queue: createInProcessQueue() });
    const failures = new Map<string, unknown>();
    let isOver = false;

    async function runCases(): Promise<void> {
      const create = () => ({ ...postgresFixture(database), patienceMs: LONG_MS });
      for (const { name, run } of repositoryConformance(create))
        await run({ skip() {} }).catch((error) => failures.set(name, error));
      isOver = true;
    }

    async function runBackfills() {
      const reports: BackfillReport[] = [];
      const sweeps: SweepReport[] = [];
      while (!isOver) {
        const paths = [{ key: `number ${reports.length}`, path: 'number' }];
        // It does not wait for the transactions of the cases.
        reports.push(await runBackfill({ repository, processModelId, paths, batchSize: 20, settleMs: 0 }));
        sweeps.push(await sweep({ staleAfterMs: 1000 }));
      }
      return { reports, sweeps };
    }

    const [{ reports, sweeps }] = await Promise.all([runBackfills(), runCases()]);

    expect(failures).toEqual(new Map());
    for (const report of reports)
      expect(report).toMatchObject({ state: 'completed', processed: INSTANCES, updated: INSTANCES });
    for (const sweep of sweeps) expect(sweep).toMatchObject({ enqueued: [], completed: [], failed: [] });
    const after = await rowsOf(sql);
    expect(after.process_instance_metadata).toHaveLength(INSTANCES * reports.length);
    const runs = after.metadata_backfill_run ?? [];
    expect(runs.filter((row) => !String(row).includes('"process_model_id":"live"'))).toEqual([]);
    for (const table of ['process_instance', 'task', 'json_data'])
      expect(after[table]).toEqual(before[table]);
  });
});
