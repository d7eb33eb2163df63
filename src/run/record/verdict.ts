import { type DifferenceCounts, noDifferences, sumOfDifferences } from './difference-counts.js';
import { isTrial } from './run-definition.js';
import { type Run, tallyOf } from './run-record.js';
import { isComplete } from './run-state.js';

/**
 * Whether the run without `dryRun` would write anything. `different`: it would, judging by the instances compared so far. `equal`: it
 * would not, and every instance was compared. `unknown`: no difference was found, but some instances were not compared, or there is
 * no instance.
 */
export type Verdict = 'equal' | 'different' | 'unknown';

/** An instance that failed or is gone was not compared. */
export function verdictOf(run: Run): Verdict {
  const { failed, differences } = tallyOf(run);
  return verdict(run, differences, failed);
}

/** The verdict of one key, by its index in the definition. Failures of other keys do not matter. */
export function keyVerdictOf(run: Run, index: number): Verdict {
  const { keys, differences } = tallyOf(run);
  return verdict(run, [differences[index] ?? noDifferences], keys[index]?.failed ?? 0);
}

function verdict(run: Run, differences: readonly DifferenceCounts[], failures: number): Verdict {
  const { state, definition, settled } = run.header;
  const { processed, failed, gone } = tallyOf(run);
  if (sumOfDifferences(differences) > 0) return 'different';
  const hasSeenAll =
    isComplete(state) &&
    !isTrial(definition) &&
    settled !== false &&
    failures + gone === 0 &&
    processed + failed > 0;
  return hasSeenAll ? 'equal' : 'unknown';
}
