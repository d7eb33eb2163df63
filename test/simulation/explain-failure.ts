import { createNarrator } from './describe-event.js';
import { libraryRecords } from './read-record.js';
import { shrinkChoices } from './shrink-choices.js';
import { type Simulation, simulate } from './simulate.js';

/** How many events before the one that broke an invariant are told. */
const EVENTS = 60;

/**
 * A failed simulation as a developer wants to see it: what is broken, the smallest world found in which it is, what
 * happened there in plain words, and the line of code that plays it again.
 * @param options.trials how many simulations the search may take. @default 600
 */
export async function explainFailure(
  simulation: Simulation,
  options: { readonly trials?: number } = {},
): Promise<string> {
  const [first] = simulation.violations;
  if (first === undefined) return 'Every invariant holds.';
  const { seed: _, choices: __, ...fixed } = simulation.options;
  const again = (choices: readonly number[]): Promise<Simulation> => simulate({ ...fixed, choices });
  const isSame = async (choices: readonly number[]): Promise<boolean> =>
    (await again(choices)).violations.some(({ invariant }) => invariant === first.invariant);

  const choices = await shrinkChoices(simulation.choices, isSame, options.trials);
  const shrunk = await again(choices);
  const violation = shrunk.violations.find(({ invariant }) => invariant === first.invariant) ?? first;
  const replay = JSON.stringify({ ...fixed, choices });
  return [
    `Invariant ${violation.invariant} does not hold: ${violation.message}.`,
    `Found with ${startOf(simulation)}, shrunk from ${simulation.choices.length} choices to ${choices.length}.`,
    '',
    ...traceOf(shrunk, violation.at),
    '',
    `Again: await simulate(${replay});`,
  ].join('\n');
}

function startOf({ options }: Simulation): string {
  return options.choices === undefined ? `seed ${options.seed ?? 1}` : 'these choices';
}

function traceOf({ history }: Simulation, until: number): string[] {
  const narrate = createNarrator(libraryRecords);
  const lines = history.events.slice(0, until + 1).map((event, index) => `${index}. ${narrate(event)}`);
  const left = Math.max(0, lines.length - EVENTS);
  return [...(left === 0 ? [] : [`(${left} events before)`]), ...lines.slice(left)];
}
