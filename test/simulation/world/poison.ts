import { refusalOf } from './outages.js';
import type { Stage } from './stage.js';

/** What the store answers to a value that it refuses. `null` once the cause is removed. */
export type Poison = () => Error | null;

/** A code with which the store refuses a value. The others prove nothing: a whole database may answer so, for a while. */
export const PROVING_CODES: readonly [string, ...(string | null)[]] = ['22001', 'P0001', null];

/** Of an instance that may not be blamed. Otherwise its run would be resumed for ever. */
const MOST_REFUSALS = 100;

/**
 * Where an instance cannot be blamed, because no other one goes through, its run stops until somebody has removed the
 * cause. That happens in the calm, after many refusals.
 */
export function createPoison(stage: Pick<Stage, 'world' | 'isCalm' | 'isOver'>): Poison {
  let refusals = 0;
  return () => {
    const { poisonCode } = stage.world;
    if (stage.isCalm) refusals += 1;
    const isRemoved = stage.isOver || refusals > MOST_REFUSALS;
    if (isRemoved && !PROVING_CODES.includes(poisonCode)) return null;
    return refusalOf(poisonCode, REFUSED_VALUE);
  };
}

export const REFUSED_VALUE = 'the value cannot be stored';
