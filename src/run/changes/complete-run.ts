import { certifyKeys } from '../record/certify-keys.js';
import type { OwnedKey } from '../record/owner-record.js';
import { isAllDone, type Run, type RunShard, tallyOf } from '../record/run-record.js';
import { isComplete } from '../record/run-state.js';
import { tallyOfNextWalk, visited } from '../record/tally.js';
import { withNextStep } from './allot-step.js';
import { fenced, type RunChange } from './run-change.js';
import { failIfTooManyFailed } from './stop-run.js';

/**
 * Ends the run once every shard is done, or begins its next walk if one is due (`walkAgain`). Instances that the walk never met
 * are gone. Late ones raise the total.
 */
export function complete(run: Run, now: number): RunChange | null {
  const { header, shards } = run;
  if (header.state !== 'running' || !isAllDone({ shards })) return null;
  const tooMany = failIfTooManyFailed(run, now);
  if (tooMany !== null) return tooMany;
  if (header.walkAgain) return beginNextWalk(run, now);
  const tally = tallyOf(run);
  const state = tally.failed > 0 ? 'completed_with_failures' : 'completed';
  return fenced(run, { ...header, state, total: Math.max(header.total ?? 0, visited(tally)), endedAt: now });
}

/** Does the same for a verification. When it completes, the keys of the model get its result. */
export function completeVerification(
  run: Run,
  keys: readonly OwnedKey[],
  now: number,
): (RunChange & { readonly keys?: readonly OwnedKey[] }) | null {
  const change = complete(run, now);
  const { header } = change ?? {};
  if (header === undefined || !isComplete(header.state)) return change;
  return { ...change, keys: certifyKeys(keys, { ...run, header }) };
}

/**
 * Puts the run back to before its freeze. The first shard gets the step of the job that will freeze the run. Each shard counts
 * one more commit and has no `committedBy`, so that no job of the previous walk takes the new checkpoint for its own.
 */
function beginNextWalk({ header, shards }: Run, now: number): RunChange {
  return {
    header: {
      ...header,
      state: 'pending',
      walk: header.walk + 1,
      total: null,
      upTo: null,
      markedAt: null,
      walkAgain: false,
      forgivenFailures: 0,
      unproven: [],
    },
    shards: shards.map(
      (shard): RunShard => ({
        ...(shard.index === 0 ? withNextStep(shard) : shard),
        commits: shard.commits + 1,
        committedBy: null,
        done: shard.index !== 0,
        behind: [],
        after: null,
        upTo: null,
        tally: tallyOfNextWalk(shard.tally, header.definition),
        failuresFrom: shard.failureRecords,
        differencesFrom: shard.differenceRecords,
        unlistedDifferences: 0,
        progressAt: now,
        sweeps: 0,
        sweptAt: null,
        vain: 0,
        heldUntil: null,
        heldFor: null,
      }),
    ),
  };
}
