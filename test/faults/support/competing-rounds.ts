import { KEYS, SOURCES } from './contested-model.js';
import type { RequestOrder } from './requester-process.js';
import type { SeededRandom } from './seeded-random.js';

export const ROUNDS = 200;
export const KILLS = { 'at any moment': 40, 'before its job': 20 };

/** Requests at once: one of each process. */
export interface Round {
  readonly processModelId: string;
  readonly mode: 'fill' | 'overwrite';
  readonly orders: readonly RequestOrder[];
  /** How many jobs are done meanwhile, at most. */
  readonly jobsMeanwhile: number;
  /** `afterMs: null`: it kills itself, between its run and its job. */
  readonly kill: { readonly victim: number; readonly afterMs: number | null } | null;
}

export function drawRounds(random: SeededRandom): Round[] {
  return drawKills(random).map((kill, index) => {
    const mode = random.pick(['fill', 'overwrite'] as const);
    // Each fourth round is the first of a model, which has no owner record yet.
    const processModelId = `model ${Math.floor(index / 4)}`;
    const isolations = random.pick([ISOLATIONS.alone, ISOLATIONS['in transactions'], ISOLATIONS.mixed]);
    const sources = random.next() < 0.3 ? random.pick(PAIRS) : SOURCES;
    const keyCounts = random.pick(KEY_COUNTS);
    const orders = sources.map((source, place) => ({
      number: 3 * index + place,
      processModelId,
      mode,
      paths: KEYS.slice(0, keyCounts[source]).map((key) => ({ key, path: `${source}.${key}` })),
      isolation: random.pick(isolations),
      diesBeforeJob: kill?.victim === place && kill.afterMs === null,
    }));
    // A run that completes in between would have its values kept in fill. It takes three jobs to complete.
    const jobsMeanwhile = random.pick([0, mode === 'fill' ? 2 : 100]);
    return { processModelId, mode, orders, jobsMeanwhile, kill };
  });
}

/** One a round, or none. */
function drawKills(random: SeededRandom): Round['kill'][] {
  const chosen = Array.from({ length: ROUNDS }, (_, index): Round['kill'] => {
    const victim = index % 3;
    if (index < KILLS['before its job']) return { victim, afterMs: null };
    const isKilled = index < KILLS['before its job'] + KILLS['at any moment'];
    return isKilled ? { victim, afterMs: random.between(0, 50) } : null;
  });
  return random.shuffled(chosen);
}

const ISOLATIONS = {
  alone: [null],
  'in transactions': ['read committed', 'read committed', 'read committed', 'repeatable read'],
  mixed: [null, 'read committed'],
} as const;

/** By source. Requests from the same path are equal. */
const KEY_COUNTS = [
  { a: 1, b: 1, c: 1 },
  { a: 1, b: 2, c: 1 },
  { a: 2, b: 1, c: 2 },
] as const;

/** Two of the processes request the same path. */
const PAIRS = [
  ['a', 'a', 'c'],
  ['a', 'b', 'a'],
  ['a', 'b', 'b'],
] as const;
