import { oneLine } from '../../input/one-line.js';
import type { Run, RunShard } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';
import type { RunChange } from './run-change.js';

/** Stores a shard as it is, under its next revision: the proof that the repository takes commits. */
export function touch({ header, shards }: Run, shardIndex: number): RunChange | null {
  const shard = shards[shardIndex];
  return !isWorkable(header.state) || shard === undefined || shard.done ? null : { shards: [shard] };
}

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
