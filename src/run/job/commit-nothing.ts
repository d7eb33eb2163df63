import { touch } from '../changes/touch-shard.js';
import type { ShardSession } from './shard-session.js';

/**
 * Stores the shard as it is, with the limit that this job has learnt for its batches, and tries until that is accepted.
 * `false`: another commit came meanwhile.
 * @throws {PortError} when the tries are spent.
 */
export async function commitNothing({ handle, job, batchSizeLimit, adopt }: ShardSession): Promise<boolean> {
  const { run } = await handle.change((stored) => touch(stored, job.shard, batchSizeLimit.value));
  return adopt(run);
}
