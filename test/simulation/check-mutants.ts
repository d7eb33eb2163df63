import { compileMutants } from './compile.js';
import { type Mutant, mutants } from './mutants.js';
import { inProcesses } from './run-seeds.js';

/** A loop without end is ended after so long. */
const LONGEST_MS = 300_000;

/** Simulates each mutant until it is caught; prints by which seed, and which invariant it broke. */
export async function checkMutants({
  seeds,
  from,
  only,
}: {
  readonly seeds: number;
  readonly from: number;
  readonly only: string;
}): Promise<boolean> {
  const chosen = mutants.filter(({ name }) => name.includes(only));
  const entries = await compileMutants(chosen, 'mutants');
  const survivors: Mutant[] = [];
  await inProcesses([...entries], async ([mutant, entry], runner) => {
    const task = { entry, from, to: from + seeds - 1, step: 1, until: mutant.breaks };
    const line = await runner.run(task, LONGEST_MS).then(
      ({ failure }) =>
        failure === null ? null : `seed ${failure.seed}, invariant ${failure.invariant}: ${failure.text}`,
      (error: Error) => {
        console.log(`         ${mutant.name}: ${error.message}`);
        return null;
      },
    );
    if (line === null) survivors.push(mutant);
    console.log(`${line === null ? 'SURVIVED' : 'caught  '} ${mutant.name}`);
    console.log(line === null ? `         in ${seeds} seeds` : `         by ${line}`);
  });
  console.log(`${chosen.length - survivors.length} of ${chosen.length} mutants caught`);
  return survivors.length === 0 && chosen.length > 0;
}
