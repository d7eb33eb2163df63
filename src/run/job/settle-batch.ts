import type { RunContext } from '../context/run-context.js';
import { commitBatch } from './commit-batch.js';
import type { ShardCommitResult } from './commit-to-shard.js';
import type { PlannedEntry } from './plan-instance.js';
import { settleRefusedInstance } from './settle-refused-instance.js';
import type { ShardSession } from './shard-session.js';

/**
 * Commits a batch, with its checkpoint. A batch that takes too long is split in halves. When an instance may be to blame
 * for a refusal, the batch is split down to that instance. Each part is a commit with a checkpoint of its own, so that
 * nothing is done twice after a crash.
 */
export async function settleBatch(
  context: RunContext,
  session: ShardSession,
  batch: readonly PlannedEntry[],
): Promise<ShardCommitResult> {
  const result = await commitBatch(context, session, batch);
  if (result.status !== 'rejected' && result.status !== 'too-slow') return result;

  const [first, ...others] = batch;
  if (first === undefined) throw new RangeError('there is no batch to settle');
  if (others.length === 0) return settleRefusedInstance(context, session, first, result.error);
  const half = Math.ceil(batch.length / 2);
  if (result.status === 'too-slow') session.limitBatches(half);
  const left = await settleBatch(context, session, batch.slice(0, half));
  if (left.status !== 'committed' || session.ending !== null) return left;
  return settleBatch(context, session, batch.slice(half));
}
