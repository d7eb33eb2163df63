import type { RunShard } from './run-record.js';

/**
 * No job works on a shard before `heldUntil`. A request holds it until its `startAfter`, a freeze until open transactions have
 * settled, and a throttle, whose own words are the reason, until the next batch may go.
 */

/** The reason of a hold until the time that the request asked for. */
export const START_AFTER = 'startAfter';

/** The reason of a hold before a freeze. */
export const UNSETTLED = 'transactions that were open when the walk began have not ended yet';

/** Whether no job works on a shard yet. */
export function isHeld(shard: RunShard, now: number): shard is RunShard & { readonly heldUntil: number } {
  return shard.heldUntil !== null && shard.heldUntil > now;
}

/** Until when a shard is held, if that is still to come. */
export function startOf(shard: RunShard, now: number): Date | undefined {
  return isHeld(shard, now) ? new Date(shard.heldUntil) : undefined;
}
