import { isHeld, type Run } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';
import type { RunChange } from './run-change.js';

/** Allots the step after `step` to a job that is about to be enqueued. */
export function allot({ header, shards }: Run, shardIndex: number, step: number): RunChange | null {
  const shard = shards[shardIndex];
  if (!isWorkable(header.state) || shard === undefined || shard.done) return null;
  // It may be less: the database may have forgotten that the step was allotted.
  return shard.allottedStep <= step ? { shards: [{ ...shard, allottedStep: step + 1 }] } : null;
}

/** Allots a step to an early job, which goes back to the queue. Once per hold: a runner may ignore every delay. */
export function handBack(
  { header, shards }: Run,
  shardIndex: number,
  step: number,
  now: number,
): RunChange | null {
  const shard = shards[shardIndex];
  if (!isWorkable(header.state) || shard === undefined || shard.done) return null;
  if (!isHeld(shard, now) || step <= shard.handedBack) return null;
  const next = Math.max(shard.allottedStep, step) + 1; // the database may have forgotten that `step` was allotted
  return { shards: [{ ...shard, allottedStep: next, handedBack: next }] };
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
