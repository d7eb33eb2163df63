import { openShards, type Run, type RunShard } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';
import { withNextStep } from './allot-step.js';
import { paceFrom, type RunChange } from './run-change.js';
import { fail } from './stop-run.js';

/** After this many jobs that began and committed no batch, another one will not help. */
const MOST_VAIN = 8;
const MOST_DOUBLINGS = 6;

/** Allots a new step to each open shard that shows no progress. Fails a run that never shows any. */
export function sweep(run: Run, staleAfterMs: number, now: number): RunChange | null {
  const { header, shards } = run;
  if (!isWorkable(header.state)) return null;
  const open = openShards(shards);
  const stale = open.filter((shard) => isStale(shard, staleAfterMs, now));
  if (stale.length === 0) return null;
  // One shard may wait for a worker while other shards occupy all of them. That is no reason to give up.
  if (open.every(({ vain }) => vain >= MOST_VAIN)) {
    return fail(run, `stalled: ${MOST_VAIN} jobs in a row began, and none committed a batch`, now);
  }
  return {
    shards: stale.map(
      (shard): RunShard => ({
        ...withNextStep(shard),
        sweeps: shard.sweeps + 1,
        vain: shard.vain + (hasBegunInVain(shard) ? 1 : 0),
        sweptAt: now,
        pace: paceFrom(run, now),
      }),
    ),
  };
}

/** Whether the job of the last sweep has begun. If it has not, there may be no worker, which is no fault of the run. */
function hasBegunInVain({ sweeps, started, allottedStep }: RunShard): boolean {
  return sweeps > 0 && started === allottedStep;
}

/** Each sweep without effect doubles the patience, so that a batch slower than `staleAfterMs` still gets through. */
function isStale(
  { progressAt, sweptAt, heldUntil, sweeps }: RunShard,
  staleAfterMs: number,
  now: number,
): boolean {
  const idleMs = now - Math.max(progressAt, sweptAt ?? 0, heldUntil ?? 0);
  return idleMs > staleAfterMs * 2 ** Math.min(sweeps, MOST_DOUBLINGS);
}
