import { runBackfill } from 'process-metadata-backfill';
import { createPostgresRepository } from '../../examples/2-embedded-postgres/postgres-repository.js';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';
import { emptyMetadata } from './fill-tables.js';
import { type Connection, openPool } from './open-database.js';
import { MODEL, pathsOf } from './scenario.js';

export interface ScaleRun {
  readonly micros: number;
  readonly peakMegabytes: number;
}

/** Compiled code and open connections before the time is taken. */
const WARM_UP = 5000;

const { connection, instances }: { connection: Connection; instances: number } = JSON.parse(
  process.argv[2] ?? '',
);
const pool = openPool(connection);
const sql = pgDatabase(pool);
const run = async (limit: number) => {
  await emptyMetadata(sql);
  const startedAt = performance.now();
  const { processed } = await runBackfill({
    repository: createPostgresRepository(sql),
    processModelId: MODEL,
    paths: pathsOf({ keys: 2 }),
    limit,
    batchSize: 500,
  });
  return { processed, micros: (1000 * (performance.now() - startedAt)) / limit };
};
await run(WARM_UP);
const { processed, micros } = await run(instances);
if (processed !== instances) throw new Error(`${processed} instances were processed`);
await pool.end();
const measured: ScaleRun = { micros, peakMegabytes: process.resourceUsage().maxRSS / 1024 };
process.send?.(measured);
process.disconnect();
