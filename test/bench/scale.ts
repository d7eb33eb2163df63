import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fillTables } from './fill-tables.js';
import type { MeasureOptions } from './measure.js';
import { median } from './median.js';
import { type BenchDatabase, openDatabase } from './open-database.js';
import type { ScaleRun } from './scale-process.js';
import { waitForCalm } from './wait-for-calm.js';

export interface ScaleStep {
  readonly instances: number;
  readonly microsPerInstance: number;
  /** The most memory that the process ever had. */
  readonly peakMegabytes: number;
}

const PROCESS = new URL('./scale-process.ts', import.meta.url);

/** Time and memory of a process that does one run, by the number of instances; the sizes take turns. */
export async function measureScale(
  sizes: readonly number[],
  { rounds, patienceMs, log }: Pick<MeasureOptions, 'rounds' | 'patienceMs' | 'log'>,
): Promise<ScaleStep[]> {
  const steps: { database: BenchDatabase; instances: number; runs: ScaleRun[] }[] = [];
  try {
    for (const instances of sizes) {
      log(`making ${instances.toLocaleString('en')} instances`);
      const database = await openDatabase();
      steps.push({ database, instances, runs: [] });
      await fillTables(database.sql, { instances, kilobytes: 1.6, type: 'json', keys: 2 });
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (const { database, instances, runs } of steps) {
        await waitForCalm(patienceMs);
        const run = await runInProcess(database, instances);
        runs.push(run);
        log(
          `${round}/${rounds} ${instances} instances: ${run.micros.toFixed(1)} µs, ${run.peakMegabytes.toFixed(0)} MB`,
        );
      }
    }
  } finally {
    for (const { database } of steps) await database.close();
  }
  return steps.map(({ instances, runs }) => ({
    instances,
    microsPerInstance: median(runs.map(({ micros }) => micros)),
    peakMegabytes: median(runs.map(({ peakMegabytes }) => peakMegabytes)),
  }));
}

async function runInProcess({ connection }: BenchDatabase, instances: number): Promise<ScaleRun> {
  if (connection === null) throw new Error('--scale needs a PostgreSQL that other processes can reach');
  const child = fork(PROCESS, [JSON.stringify({ connection, instances })], { execArgv: ['--import', 'tsx'] });
  const [run] = (await once(child, 'message')) as [ScaleRun];
  await once(child, 'exit');
  return run;
}
