import type { Run } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';
import type { RunChange } from './run-change.js';

/**
 * Stores a shard as it is: the proof that the repository takes commits. But lowers the limit of its batches to `limit`, if that
 * is smaller or there is none yet.
 */
export function touch({ header, shards }: Run, shardIndex: number, limit: number | null): RunChange | null {
  const shard = shards[shardIndex];
  if (!isWorkable(header.state) || shard === undefined || shard.done) return null;
  const isSmaller = limit !== null && limit < (shard.batchSizeLimit ?? Number.POSITIVE_INFINITY);
  return { shards: [isSmaller ? { ...shard, batchSizeLimit: limit } : shard] };
}
