import type * as Simulation from '../index.js';

/** The seeds that one process runs: every `stride`th from `from` to `to`. */
export interface SeedsTask {
  /** The compiled simulation of the library, with or without a defect. */
  readonly entry: string;
  readonly from: number;
  readonly to: number;
  readonly stride: number;
  /** Stops at the first violation of one of these. `null`: stops at any violation, and explains it. */
  readonly until: readonly number[] | null;
}

export interface SeedsResult {
  readonly seeds: number;
  readonly exercised: Simulation.Exercised | null;
  readonly failure: { readonly seed: number; readonly invariant: number; readonly text: string } | null;
}

async function runSeeds({ entry, from, to, stride, until }: SeedsTask): Promise<SeedsResult> {
  const simulator = (await import(entry)) as typeof Simulation;
  let exercised: Simulation.Exercised | null = null;
  let seeds = 0;
  for (let seed = from; seed <= to; seed += stride) {
    const simulation = await simulator.simulate({ seed });
    seeds += 1;
    const broken = simulation.violations.find(({ invariant }) => until === null || until.includes(invariant));
    if (broken !== undefined) {
      const { invariant, message } = broken;
      const text = until === null ? await simulator.explainFailure(simulation) : message;
      return { seeds, exercised, failure: { seed, invariant, text } };
    }
    if (until !== null) continue;
    const counts = simulator.countExercised(simulation.history);
    exercised = exercised === null ? counts : sum(exercised, counts);
  }
  return { seeds, exercised, failure: null };
}

function sum(a: Simulation.Exercised, b: Simulation.Exercised): Simulation.Exercised {
  const counts = Object.entries(a).map(([name, count]) => [name, count + (b[name as keyof typeof b] ?? 0)]);
  return Object.fromEntries(counts) as Simulation.Exercised;
}

// A simulation throws thousands of errors, and nobody reads their stacks.
Error.stackTraceLimit = 0;
process.on('message', (task: SeedsTask) => {
  runSeeds(task).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
