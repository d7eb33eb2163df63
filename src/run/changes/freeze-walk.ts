import type { Cursor, InstanceSurvey } from '../../ports/repository.js';
import { isHeld } from '../record/holds.js';
import { newPace } from '../record/pace.js';
import { isFill, isTrial, newShard } from '../record/run-definition.js';
import type { Run, RunHeader, RunShard } from '../record/run-record.js';
import { withNextStep } from './allot-step.js';
import type { RunChange } from './run-change.js';

/** What the first job of a walk knows about the transactions that may still insert instances. */
export interface Settling {
  readonly mark: string | null;
  readonly settled: boolean | null;
}

/**
 * Fixes total and bounds, once per walk. Each shard goes from the bound of the shard before it to its own bound.
 * @returns `null` if the header has changed since the survey: a request that joined since may need instances that the survey
 *   did not count. Also during a hold, which a loss of commits may have brought back.
 */
export function freeze(
  { header, shards }: Run,
  surveyed: RunHeader,
  { mark, settled }: Settling,
  { total, upTo }: InstanceSurvey,
  bounds: readonly (Cursor | null)[],
  now: number,
): RunChange | null {
  const [first] = shards;
  if (header.state !== 'pending' || header.revision !== surveyed.revision) return null;
  if (first !== undefined && isHeld(first, now)) return null;
  const keyCount = header.definition.paths.length;
  return {
    header: {
      ...header,
      state: 'running',
      total,
      upTo,
      mark: settled === false ? mark : null,
      settled,
      walkAgain: mustWalkAgain(header, settled),
      startedAt: header.startedAt ?? now,
    },
    shards: bounds.map(
      (bound, index): RunShard => ({
        ...frozenShard(shards[index], index, keyCount, now),
        after: bounds[index - 1] ?? null,
        upTo: bound,
        done: bound === null,
        progressAt: now,
        pace: newPace(0, now),
        heldUntil: null,
        heldFor: null,
      }),
    ),
  };
}

/** The job that freezes is of the first shard. The others get a new job each. */
function frozenShard(shard: RunShard | undefined, index: number, keyCount: number, now: number): RunShard {
  if (shard === undefined) return newShard(index, keyCount, now);
  return index === 0 ? shard : withNextStep(shard);
}

const MOST_WALKS = 3;

/** Whether a walk that is frozen like this must be followed by another one. An unsettled walk: once per run. */
function mustWalkAgain(
  { definition, walk, settled: before }: RunHeader,
  settled: RunHeader['settled'],
): boolean {
  if (settled === true || !mayWalkAgain({ definition, walk })) return false;
  return settled === false ? before !== false : walk === 1 && isFill(definition);
}

/** A trial never does. */
export function mayWalkAgain({ definition, walk }: Pick<RunHeader, 'definition' | 'walk'>): boolean {
  return walk < MOST_WALKS && !isTrial(definition);
}
