import { candidatesFor } from './candidates/all-candidates.js';
import type { Candidate, OpenCandidate } from './candidates/candidate.js';
import { cpuClock } from './cpu-clock.js';
import { emptyMetadata, fillTables, vacuum } from './fill-tables.js';
import { median } from './median.js';
import type { BenchDatabase } from './open-database.js';
import type { Scenario } from './scenario.js';
import { waitForCalm } from './wait-for-calm.js';

/** Microseconds for one instance, a run each. */
export interface Measured {
  readonly name: string;
  readonly instances: number;
  /** Not to be in the chart. */
  readonly isAside: boolean;
  readonly micros: readonly number[];
  /** Work done by this process and by the database, `null` where it cannot be told. */
  readonly workerCpu: number | null;
  readonly databaseCpu: number | null;
}

export interface Comparison {
  readonly scenario: Scenario;
  readonly measured: readonly Measured[];
}

export interface MeasureOptions {
  readonly rounds: number;
  /** How long each run may wait for the machine to be idle. */
  readonly patienceMs: number;
  isWanted(candidate: Candidate): boolean;
  log(line: string): void;
}

/** All candidates in turn, `rounds` times: what slows the machine for a while slows all of them. */
export async function compare(
  database: BenchDatabase,
  scenario: Scenario,
  { rounds, patienceMs, isWanted, log }: MeasureOptions,
): Promise<Comparison> {
  await fillTables(database.sql, scenario);
  const entrants: Entrant[] = [];
  for (const candidate of candidatesFor(scenario).filter(isWanted)) {
    const opened = await candidate.open(database, scenario);
    if (opened !== null) entrants.push({ candidate, opened, runs: [] });
  }
  try {
    for (const entrant of entrants)
      await runOnce(database, entrant, {
        ...scenario,
        instances: Math.min(WARM_UP, scenario.instances),
        patienceMs: 0,
      });
    for (let round = 1; round <= rounds; round += 1) {
      for (const entrant of entrants) {
        const instances = Math.min(entrant.candidate.most, scenario.instances);
        const run = await runOnce(database, entrant, { ...scenario, instances, patienceMs });
        entrant.runs.push(run);
        log(`${round}/${rounds} ${entrant.candidate.name}: ${run.micros.toFixed(1)} µs an instance`);
      }
    }
  } finally {
    for (const { opened } of entrants) await opened.close?.();
  }
  return { scenario, measured: entrants.map((entrant) => measuredOf(entrant, scenario)) };
}

/** Compiled code and open connections before anything is timed. */
const WARM_UP = 500;

interface Entrant {
  readonly candidate: Candidate;
  readonly opened: OpenCandidate;
  readonly runs: Run[];
}

interface Run {
  readonly micros: number;
  readonly worker: number;
  readonly database: number | null;
}

async function runOnce(
  database: BenchDatabase,
  { opened }: Entrant,
  { instances, metadata, patienceMs }: Scenario & { readonly patienceMs: number },
): Promise<Run> {
  if (opened.fill === undefined) await emptyMetadata(database.sql, { metadata });
  else {
    await opened.fill(instances);
    await vacuum(database.sql);
  }
  await waitForCalm(patienceMs);
  const cpu = await cpuClock(database);
  const startedAt = performance.now();
  await opened.run(instances);
  const micros = (1000 * (performance.now() - startedAt)) / instances;
  const used = cpu.used();
  return {
    micros,
    worker: used.worker / instances,
    database: used.database === null ? null : used.database / instances,
  };
}

function measuredOf({ candidate, runs }: Entrant, scenario: Scenario): Measured {
  const ofDatabase = runs.map((run) => run.database).filter((value) => value !== null);
  return {
    name: candidate.name,
    instances: Math.min(candidate.most, scenario.instances),
    isAside: candidate.isAside ?? false,
    micros: runs.map(({ micros }) => micros),
    workerCpu: candidate.isElsewhere ? null : median(runs.map(({ worker }) => worker)),
    databaseCpu: ofDatabase.length === 0 ? null : median(ofDatabase),
  };
}
