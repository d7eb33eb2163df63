import { createNarrator } from './describe-event.js';
import { libraryRecords } from './read-record.js';
import { shrinkChoices } from './shrink-choices.js';
import { type Simulation, simulate } from './simulate.js';

/** The most events that an explanation lists. */
const EVENTS = 60;

/**
 * Explains a failed simulation: which invariant is broken, what happened in the smallest world found that breaks it, and
 * the line of code that replays that world.
 * @param options.trials the most simulations that the search for a smaller world may take. @default 600
 */
export async function explainFailure(
  simulation: Simulation,
  options: { readonly trials?: number } = {},
): Promise<string> {
  const [first] = simulation.violations;
  if (first === undefined) return 'Every invariant holds.';
  const { seed: _, choices: __, ...fixed } = simulation.options;
  const replay = (choices: readonly number[]): Promise<Simulation> => simulate({ ...fixed, choices });
  const breaksTheSame = async (choices: readonly number[]): Promise<boolean> =>
    (await replay(choices)).violations.some(({ invariant }) => invariant === first.invariant);

  const choices = await shrinkChoices(simulation.choices, breaksTheSame, options.trials);
  const shrunk = await replay(choices);
  const violation = shrunk.violations.find(({ invariant }) => invariant === first.invariant) ?? first;
  const replayOptions = JSON.stringify({ ...fixed, choices });
  return [
    `Invariant ${violation.invariant} does not hold: ${violation.message}.`,
    `Found with ${startOf(simulation)}, shrunk from ${simulation.choices.length} choices to ${choices.length}.`,
    '',
    ...traceOf(shrunk, violation.at),
    '',
    `Replay: await simulate(${replayOptions});`,
  ].join('\n');
}

function startOf({ options }: Simulation): string {
  return options.choices === undefined ? `seed ${options.seed ?? 1}` : 'these choices';
}

function traceOf({ history }: Simulation, until: number): string[] {
  const narrate = createNarrator(libraryRecords);
  const lines = history.events.slice(0, until + 1).map((event, index) => `${index}. ${narrate(event)}`);
  const left = Math.max(0, lines.length - EVENTS);
  return [...(left === 0 ? [] : [`(${left} events before these)`]), ...lines.slice(left)];
}
