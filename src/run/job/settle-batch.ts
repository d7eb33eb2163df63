import type { RunContext } from '../context/run-context.js';
import { commitBatch } from './commit-batch.js';
import type { CommitPatience, ShardCommitResult } from './commit-to-shard.js';
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
  async function settle(
    part: readonly PlannedEntry[],
    patience?: CommitPatience,
  ): Promise<ShardCommitResult> {
    const result = await commitBatch(context, session, part, { patience });
    if (result.status !== 'rejected' && result.status !== 'too-slow') return result;

    const [first, ...others] = part;
    if (first === undefined) throw new RangeError('there is no batch to settle');
    if (others.length === 0) return settleRefusedInstance(context, session, first, { ...result, batch });
    const half = Math.ceil(part.length / 2);
    if (result.status === 'too-slow') session.limitBatches(half);
    const next = result.status === 'rejected' ? 'search' : patience;
    const left = await settle(part.slice(0, half), next);
    if (left.status !== 'committed' || session.ending !== null) return left;
    return settle(part.slice(half), next);
  }

  return settle(batch);
}
