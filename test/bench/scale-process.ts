import { once } from 'node:events';
import { getHeapStatistics } from 'node:v8';
import { runBackfill } from 'process-metadata-backfill';
import { fromPg, type PostgresDatabase } from 'process-metadata-backfill/postgres';
import { createRepository } from '../../examples/2-embedded-postgres/repository.js';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';
import { oneTable } from '../postgres/hosts/one-table.js';
import { collectGarbage } from '../support/collect-garbage.js';
import { cpuClock } from './cpu-clock.js';
import { emptyMetadata } from './fill-tables.js';
import { type Connection, openPool } from './open-database.js';
import { MODEL, pathsOf, type Scenario } from './scenario.js';

export interface ScaleRun {
  readonly micros: number;
  readonly workerCpu: number;
  readonly databaseCpu: number | null;
  readonly peakMegabytes: number;
  readonly heapMegabytes: number;
  readonly leftMegabytes: number;
}

/** Compiled code and open connections before the time is taken. */
const WARM_UP = 5000;

const { connection, scenario }: { connection: Connection; scenario: Scenario } = JSON.parse(
  process.argv[2] ?? '',
);
const { instances } = scenario;
const pool = openPool(connection);
const sql = pgDatabase(pool);
const database = fromPg(pool) as PostgresDatabase<never>;
const run = async (limit: number) => {
  const { processed } = await runBackfill({
    repository:
      scenario.metadata === 'members'
        ? oneTable.createRepository(database)
        : createRepository(database, 'json'),
    processModelId: MODEL,
    paths: pathsOf(scenario),
    limit,
    batchSize: 500,
  });
  if (processed !== limit) throw new Error(`${processed} instances were processed`);
};
await emptyMetadata(sql, scenario);
await run(WARM_UP);
await emptyMetadata(sql, scenario);
process.send?.('warm');
await once(process, 'message');

const heapNow = () => getHeapStatistics().used_heap_size;
let heapBytes = 0;
const sampling = setInterval(() => {
  heapBytes = Math.max(heapBytes, heapNow());
}, 20);
const cpu = await cpuClock({ sql, connection });
const startedAt = performance.now();
await run(instances);
const micros = (1000 * (performance.now() - startedAt)) / instances;
const used = cpu.used();
clearInterval(sampling);
collectGarbage();
const leftBytes = heapNow();
await pool.end();
const measured: ScaleRun = {
  micros,
  workerCpu: used.worker / instances,
  databaseCpu: used.database === null ? null : used.database / instances,
  peakMegabytes: process.resourceUsage().maxRSS / 1024,
  heapMegabytes: heapBytes / 2 ** 20,
  leftMegabytes: leftBytes / 2 ** 20,
};
process.send?.(measured);
process.disconnect();
