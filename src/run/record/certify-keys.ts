import { isDeepStrictEqual } from 'node:util';
import { noDifferences } from './difference-counts.js';
import type { OwnedKey, StoredVerification } from './owner-record.js';
import { isTrial } from './run-definition.js';
import { type Run, type RunDefinition, tallyOf, totalOf } from './run-record.js';
import { keyVerdictOf, type Verdict } from './verdict.js';

/**
 * The keys of a model after a verification of all its instances has completed. Each key that nobody has changed since the
 * verification was requested gets the result as `verified`. A key has changed if
 * - it was removed or reads another path: then its generation is later.
 * - another run over the whole model was requested for it, even from the same path: then that run is its filler.
 * - a run over some instances has read it from another path (`tried`). That run may have written meanwhile, and may be resumed.
 *   So a tried key cannot be verified until it is requested for the whole model.
 *
 * The commit of each such request or model update also deletes an earlier `verified` (claim-keys).
 *
 * If an earlier result was not stored yet when this verification was requested, the two overlapped, and either may have read a
 * value last. Then the worse result counts. Clocks are not used, because the clocks of workers differ.
 *
 * The last commit of a verification also changes the owner record. So each request that takes a key commits before or after it,
 * and no crash leaves a completed verification without its result.
 */
export function certifyKeys(keys: readonly OwnedKey[], run: Run): readonly OwnedKey[] {
  const { definition, claims } = run.header;
  return keys.map((owned) => {
    const index = definition.paths.findIndex(({ key }) => key === owned.key);
    const [path, claim] = [definition.paths[index], claims[index]];
    const isUnchanged =
      isDeepStrictEqual(owned.segments, path?.segments) &&
      owned.generation === claim?.generation &&
      owned.filler === claim.filler &&
      !owned.tried;
    if (!isUnchanged) return owned;
    const { generation, filler, verified } = owned;
    const found = verificationOf(run, index);
    const isRival = verified !== null && verified.runId !== claim?.verifier;
    if (isRival && BADNESS[verified.verdict] > BADNESS[found.verdict]) return owned;
    return { ...owned, verified: { ...found, generation, filler } };
  });
}

const BADNESS: Readonly<Record<Verdict, number>> = { equal: 0, unknown: 1, different: 2 };

function verificationOf(run: Run, index: number): Omit<StoredVerification, 'generation' | 'filler'> {
  const { runId, startedAt, endedAt } = run.header;
  const { absent, different, orphaned } = tallyOf(run).differences[index] ?? noDifferences;
  const counts = { absent, different, orphaned, total: totalOf(run) };
  return { runId, since: startedAt ?? 0, at: endedAt ?? 0, verdict: keyVerdictOf(run, index), ...counts };
}

/** Whether a run compares the values of all instances: a dry run of `overwrite` with `clear`. */
export function isVerification(definition: RunDefinition): boolean {
  const { dryRun, clear, paths } = definition;
  return dryRun && clear && !isTrial(definition) && paths.every(({ mode }) => mode === 'overwrite');
}
