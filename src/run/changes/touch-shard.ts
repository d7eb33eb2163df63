import type { Run } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';
import type { RunChange } from './run-change.js';

/** Stores a shard as it is, under its next revision: the proof that the repository takes commits. */
export function touch({ header, shards }: Run, shardIndex: number): RunChange | null {
  const shard = shards[shardIndex];
  return !isWorkable(header.state) || shard === undefined || shard.done ? null : { shards: [shard] };
}
