import { outdatedKeys } from '../record/claim-keys.js';
import type { OwnedKey } from '../record/owner-record.js';
import {
  openShards,
  type Requester,
  type Run,
  type RunHeader,
  type RunShard,
  tallyOf,
} from '../record/run-record.js';
import { assertTransition, isWorkable } from '../record/run-state.js';
import { withNextStep } from './allot-step.js';
import { withoutKeys } from './drop-keys.js';
import { fenced, paceFrom, type RunChange } from './run-change.js';

/** Who makes a run go on, and whether with a queue. */
export interface GoOn {
  readonly now: number;
  readonly hasQueue: boolean;
  readonly requester: Requester;
}

/**
 * Resumes a run that is paused, failed or without a queue, under a new step for each open shard. It has lost the keys that
 * others have by now.
 */
export function resume(
  run: Run,
  keys: readonly OwnedKey[],
  { now, hasQueue, requester }: GoOn,
): RunChange | null {
  const { header, shards } = run;
  const state = header.total === null ? 'pending' : 'running';
  if (!isWorkable(header.state)) assertTransition(header.runId, header.state, state);
  else if (header.hasQueue || !hasQueue) return null;
  const resumed: RunHeader = {
    ...header,
    state,
    hasQueue: header.hasQueue || hasQueue,
    endedAt: null,
    lastError: null,
    forgivenFailures: tallyOf(run).failed,
    unproven: [],
    lastControl: { action: 'resume', ...requester, at: now },
  };
  const changed = withoutKeys(resumed, outdatedKeys(header, keys), now);
  if (!isWorkable(changed.state)) return fenced(run, changed);
  return {
    header: changed,
    shards: shards.map(
      (shard): RunShard =>
        shard.done
          ? shard
          : {
              ...withNextStep(shard),
              sweeps: 0,
              sweptAt: null,
              vain: 0,
              progressAt: now,
              pace: paceFrom(run, now),
            },
    ),
  };
}

/**
 * Allots a step for each open shard to a caller that works on the run itself. Resumes a failed run, and a run without a queue if
 * the caller has one. The resumed run no longer writes keys that newer runs have taken.
 */
export function takeUp(run: Run, keys: readonly OwnedKey[], goOn: GoOn): RunChange | null {
  const { state, hasQueue } = run.header;
  if (state === 'failed' || (isWorkable(state) && goOn.hasQueue && !hasQueue)) return resume(run, keys, goOn);
  const open = openShards(run.shards);
  if (!isWorkable(state) || open.length === 0) return null;
  return { shards: run.shards.map((shard) => (shard.done ? shard : withNextStep(shard))) };
}
