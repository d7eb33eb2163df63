import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fillTables } from './fill-tables.js';
import type { MeasureOptions } from './measure.js';
import { median } from './median.js';
import { type BenchDatabase, openDatabase } from './open-database.js';
import type { ScaleRun } from './scale-process.js';
import type { Scenario } from './scenario.js';
import { waitForCalm } from './wait-for-calm.js';

export interface ScaleStep {
  readonly instances: number;
  readonly microsPerInstance: number;
  /** Microseconds of work for one instance. */
  readonly workerCpu: number;
  /** `null`: it cannot be told. */
  readonly databaseCpu: number | null;
  /** The most memory that the process ever had. */
  readonly peakMegabytes: number;
  /** The most of it that objects took, and what those took that were left at the end. */
  readonly heapMegabytes: number;
  readonly leftMegabytes: number;
}

const PROCESS = new URL('./scale-process.ts', import.meta.url);

/** Time and memory of a process that does one run, by the number of instances; the sizes take turns. */
export async function measureScale(
  sizes: readonly number[],
  metadata: 'rows' | 'members',
  { rounds, patienceMs, log }: Pick<MeasureOptions, 'rounds' | 'patienceMs' | 'log'>,
): Promise<ScaleStep[]> {
  const steps: { database: BenchDatabase; scenario: Scenario; runs: ScaleRun[] }[] = [];
  try {
    for (const instances of sizes) {
      log(`making ${instances.toLocaleString('en')} instances`);
      const database = await openDatabase();
      const type = metadata === 'members' ? 'jsonb' : 'json';
      const scenario: Scenario = { instances, kilobytes: 1.6, type, keys: 2, metadata };
      steps.push({ database, scenario, runs: [] });
      await fillTables(database.sql, scenario);
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (const { database, scenario, runs } of steps) {
        const run = await runInProcess(database, scenario, patienceMs);
        runs.push(run);
        log(
          `${round}/${rounds} ${scenario.instances} instances: ${run.micros.toFixed(1)} µs, ${run.peakMegabytes.toFixed(0)} MB`,
        );
      }
    }
  } finally {
    for (const { database } of steps) await database.close();
  }
  return steps.map(({ scenario, runs }) => {
    const medianOf = (read: (run: ScaleRun) => number) => median(runs.map(read));
    return {
      instances: scenario.instances,
      microsPerInstance: medianOf(({ micros }) => micros),
      workerCpu: medianOf(({ workerCpu }) => workerCpu),
      databaseCpu: runs.some(({ databaseCpu }) => databaseCpu === null)
        ? null
        : medianOf(({ databaseCpu }) => databaseCpu ?? Number.NaN),
      peakMegabytes: medianOf(({ peakMegabytes }) => peakMegabytes),
      heapMegabytes: medianOf(({ heapMegabytes }) => heapMegabytes),
      leftMegabytes: medianOf(({ leftMegabytes }) => leftMegabytes),
    };
  });
}

async function runInProcess(
  { connection }: BenchDatabase,
  scenario: Scenario,
  patienceMs: number,
): Promise<ScaleRun> {
  if (connection === null) throw new Error('--scale needs a PostgreSQL that other processes can reach');
  const child = fork(PROCESS, [JSON.stringify({ connection, scenario })], { execArgv: ['--import', 'tsx'] });
  await once(child, 'message'); // it is warm
  await waitForCalm(patienceMs);
  child.send('run');
  const [run] = (await once(child, 'message')) as [ScaleRun];
  await once(child, 'exit');
  return run;
}
