import { runBackfill } from 'process-metadata-backfill';
import { createPostgresRepository } from '../../examples/1-embedded-postgres/postgres-repository.js';
import { pgDatabase } from '../../examples/3-pg-boss/pg-sql.js';
import { emptyMetadata } from './fill-tables.js';
import { type Connection, openPool } from './open-database.js';
import { MODEL, pathsOf } from './scenario.js';

export interface ScaleRun {
  readonly micros: number;
  readonly peakMegabytes: number;
}

const { connection, instances }: { connection: Connection; instances: number } = JSON.parse(
  process.argv[2] ?? '',
);
const pool = openPool(connection);
const sql = pgDatabase(pool);
await emptyMetadata(sql);
const startedAt = performance.now();
const { processed } = await runBackfill({
  repository: createPostgresRepository(sql),
  processModelId: MODEL,
  paths: pathsOf({ keys: 2 }),
  batchSize: 500,
});
const micros = (1000 * (performance.now() - startedAt)) / instances;
if (processed !== instances) throw new Error(`${processed} instances were processed`);
await pool.end();
const run: ScaleRun = { micros, peakMegabytes: process.resourceUsage().maxRSS / 1024 };
process.send?.(run);
process.disconnect();
