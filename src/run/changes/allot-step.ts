import type { Run, RunShard } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';
import type { RunChange } from './run-change.js';

/**
 * Allots the next step of a shard. Every step is allotted in a commit, and only then is its job enqueued: a job that was lost in
 * between is noticed, and no two jobs get one step.
 */
export function withNextStep(shard: RunShard): RunShard {
  return { ...shard, allottedStep: shard.allottedStep + 1 };
}

/** Allots the step after `step` to a job that is about to be enqueued. */
export function allot({ header, shards }: Run, shardIndex: number, step: number): RunChange | null {
  const shard = shards[shardIndex];
  if (!isWorkable(header.state) || shard === undefined || shard.done) return null;
  // It may be less: the database may have forgotten that the step was allotted.
  return shard.allottedStep <= step ? { shards: [{ ...shard, allottedStep: step + 1 }] } : null;
}

/**
 * Stores that the job of a swept shard has begun, because a sweep is in vain only if its job began. Also stores a step that
 * the database has lost, so that no other job gets it.
 */
export function markStarted({ header, shards }: Run, shardIndex: number, step: number): RunChange | null {
  const shard = shards[shardIndex];
  if (!isWorkable(header.state) || shard === undefined || shard.done) return null;
  const allottedStep = Math.max(shard.allottedStep, step); // the database may have forgotten that it was allotted
  const isSwept = shard.sweeps > 0 && shard.started < step;
  if (!isSwept && allottedStep === shard.allottedStep) return null;
  return { shards: [{ ...shard, allottedStep, started: isSwept ? step : shard.started }] };
}
