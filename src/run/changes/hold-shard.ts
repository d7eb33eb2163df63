import { oneLine } from '../../input/one-line.js';
import { isHeld, UNSETTLED } from '../record/holds.js';
import type { Run, RunHeader, RunShard } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';
import type { RunChange } from './run-change.js';

/** Says why and until when a shard is held, so that no sweep takes its job for lost. Not if it has changed since. */
export function hold(
  { header, shards }: Run,
  { index, revision }: Pick<RunShard, 'index' | 'revision'>,
  { until, reason }: { readonly until: number; readonly reason: string },
): RunChange | null {
  const shard = shards[index];
  if (!isWorkable(header.state) || shard?.revision !== revision) return null;
  return { shards: [{ ...shard, heldUntil: until, heldFor: oneLine(reason, 500), handedBack: -1 }] };
}

/** Holds the freeze until the transactions of the mark have ended. Not if the run has changed since it was seen. */
export function holdFreeze(
  { header, shards }: Run,
  seen: RunHeader,
  shard: RunShard,
  { mark, since, until }: { readonly mark: string; readonly since: number; readonly until: number },
): RunChange | null {
  if (header.revision !== seen.revision || shards[shard.index]?.revision !== shard.revision) return null;
  return {
    header: { ...header, mark, markedAt: since },
    shards: [{ ...shard, heldUntil: until, heldFor: UNSETTLED, handedBack: -1 }],
  };
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
