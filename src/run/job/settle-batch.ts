import type { RunContext } from '../context/run-context.js';
import { commitBatch } from './commit-batch.js';
import type { Retries, ShardCommitResult } from './commit-to-shard.js';
import type { PlannedEntry } from './plan-instance.js';
import { settleRefusedInstance } from './settle-refused-instance.js';
import type { ShardSession } from './shard-session.js';

/**
 * Commits a batch, with its checkpoint. A batch that takes too long is split in halves, and so is one of which too many
 * instances have moved on. When an instance may be to blame
 * for a refusal, the batch is split down to that instance. Each part is a commit with a checkpoint of its own, so that
 * nothing is done twice after a crash.
 */
export async function settleBatch(
  context: RunContext,
  session: ShardSession,
  batch: readonly PlannedEntry[],
): Promise<ShardCommitResult> {
  let settled = 0; // so many entries, from the first on, have their outcome

  const plannedFor = session.run.header.revision;

  async function settleUpTo(end: number, retries?: Retries): Promise<ShardCommitResult> {
    const part = batch.slice(settled, end);
    const result = await commitBatch(context, session, part, part.length > 1 ? { retries } : {});
    if (result.status === 'committed') settled = end;
    const isTooLarge = result.status === 'too-slow' || result.status === 'too-busy';
    if (result.status !== 'rejected' && !isTooLarge) return result;

    if (part.length === 1) {
      if (result.status !== 'rejected') return result;
      const outcome = await settleRefusedInstance(context, session, batch, {
        place: settled,
        error: result.error,
      });
      if (outcome.result.status === 'committed') settled = outcome.settled;
      return outcome.result;
    }
    const half = settled + Math.ceil(part.length / 2);
    const next = result.status === 'rejected' ? 'none' : retries;
    for (;;) {
      const left = await settleUpTo(settled < half ? half : end, next);
      if (left.status !== 'committed' || session.ending !== null || settled >= end) return left;
      // A part that has landed may be followed by a request that has taken a key.
      if (session.run.header.revision !== plannedFor) return { status: 'outdated' };
    }
  }

  return settleUpTo(batch.length);
}
