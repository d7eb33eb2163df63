import { buildDirectory, compileLibrary } from './compile.js';
import { inProcesses, PROCESSES } from './run-seeds.js';
import type { SeedsResult } from './seeds-process.js';

const LONGEST_MS = 3_600_000;
/** With this many seeds, everything that can go wrong must have gone wrong at least once. */
const SEEDS_FOR_EVERYTHING = 1000;

/** Simulates a range of seeds, prints what was exercised, and explains the first violation. */
export async function checkSeeds({
  seeds,
  from,
}: {
  readonly seeds: number;
  readonly from: number;
}): Promise<boolean> {
  const entry = await compileLibrary(buildDirectory('simulation'));
  const startedAt = performance.now();
  const results: SeedsResult[] = [];
  const parts = Array.from({ length: PROCESSES }, (_, index) => from + index);
  await inProcesses(parts, async (first, runner) => {
    const task = { entry, from: first, to: from + seeds - 1, stride: PROCESSES, until: null };
    results.push(await runner.run(task, LONGEST_MS));
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const done = results.reduce((sum, result) => sum + result.seeds, 0);
  const perSecond = Math.round(done / seconds);
  console.log(
    `${done} seeds in ${seconds.toFixed(1)} s: ${perSecond} seeds per second, in ${PROCESSES} processes`,
  );

  const failures = results.flatMap(({ failure }) => (failure === null ? [] : [failure]));
  for (const { text } of failures.slice(0, 1)) console.log(`\n${text}`);
  if (failures.length > 0) return false;
  return printExercised(results, done);
}

function printExercised(results: readonly SeedsResult[], seeds: number): boolean {
  const counts = new Map<string, number>();
  for (const { exercised } of results) {
    for (const [name, count] of Object.entries(exercised ?? {}))
      counts.set(name, (counts.get(name) ?? 0) + count);
  }
  console.log('no violation of an invariant; exercised:');
  for (const [name, count] of counts) console.log(`${String(count).padStart(9)}  ${name}`);
  const never = [...counts].filter(([, count]) => count === 0).map(([name]) => name);
  if (never.length === 0 || seeds < SEEDS_FOR_EVERYTHING) return true;
  console.log(`never seen: ${never.join(', ')}`);
  return false;
}
