import { mutants } from '../mutants/index.js';
import type { Mutant } from '../mutants/mutant.js';
import { readCatchingSeeds, writeCatchingSeeds } from './catching-seeds.js';
import { buildDirectory, compileMutants } from './compile.js';
import { inProcesses } from './run-seeds.js';
import type { SeedsResult } from './seeds-process.js';

export interface MutantsOptions {
  /** The most seeds per mutant. */
  readonly seeds: number;
  readonly from: number;
  /** Only the mutants with this text in their names. */
  readonly only: string;
}

/** A mutant that loops for ever is stopped after this time. */
const LONGEST_MS = 600_000;

/**
 * Simulates each mutant until it is caught, and prints the seed and the invariant. The seed that caught it last comes first,
 * which saves most of the time. A seed with which the library itself fails catches nothing. Returns the mutants not caught.
 */
export async function checkMutants(options: MutantsOptions): Promise<readonly Mutant[]> {
  const { seeds, from, only } = options;
  const catchingSeeds = await readCatchingSeeds();
  const chosen = mutants.filter(({ name }) => name.includes(only));
  const { library, copies } = await compileMutants(chosen, buildDirectory('mutants'));
  const survivors: Mutant[] = [];
  await inProcesses([...copies], async ([mutant, copy], runner) => {
    const catchingSeed = catchingSeeds.get(mutant.name);
    async function firstFailure(entry: string, first: number, last = first): Promise<SeedsResult['failure']> {
      const task = { entry, from: first, to: last, stride: 1, until: mutant.breaks };
      return (await runner.run(task, LONGEST_MS)).failure;
    }
    try {
      const again = catchingSeed === undefined ? null : await firstFailure(copy, catchingSeed);
      const failure = again ?? (await firstFailure(copy, from, from + seeds - 1));
      if (failure !== null && (await firstFailure(library, failure.seed)) !== null)
        throw new Error(`the library itself fails with seed ${failure.seed}`);
      if (failure === null) survivors.push(mutant);
      else catchingSeeds.set(mutant.name, failure.seed);
      console.log(`${failure === null ? 'SURVIVED' : 'caught  '} ${mutant.name}`);
      if (failure === null) console.log(`         ${seeds} seeds`);
      else console.log(`         by seed ${failure.seed}, invariant ${failure.invariant}: ${failure.text}`);
    } catch (error) {
      survivors.push(mutant);
      console.log(`FAILED   ${mutant.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  await writeCatchingSeeds(catchingSeeds);
  console.log(`${chosen.length - survivors.length} of ${chosen.length} mutants caught`);
  return survivors;
}
