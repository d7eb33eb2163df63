import { isTimeOut } from '../calls/is-time-out.js';
import type { RunContext } from '../context/run-context.js';
import { commitBatch } from './commit-batch.js';
import { commitNothing } from './commit-nothing.js';
import type { Retries, ShardCommitResult } from './commit-to-shard.js';
import { batchSizeOf, type PlannedEntry } from './plan-instance.js';
import { settleRefusedInstance } from './settle-refused-instance.js';
import type { ShardSession } from './shard-session.js';

/**
 * Commits a batch, with its checkpoint. A batch that takes too long is split in halves, and so is one of which too many
 * instances were saved since they were read. When an instance may be to blame for a refusal, the batch is split down to that
 * instance. Each part is a commit with a checkpoint of its own, so that nothing is done twice after a crash.
 */
export async function settleBatch(
  context: RunContext,
  session: ShardSession,
  batch: readonly PlannedEntry[],
): Promise<ShardCommitResult> {
  let settled = 0; // so many entries, from the first on, have their outcome

  const plannedFor = session.run.header.revision;
  const { batchSizeLimit } = session;
  const { before: limitBefore = batchSizeLimit.value } = batchSizeLimit;

  async function settleUpTo(end: number, retries?: Retries): Promise<ShardCommitResult> {
    const part = batch.slice(settled, end);
    const isOne = part.length === 1;
    // As a time-out of an earlier part has shown.
    const isTooLarge = batchSizeLimit.value !== null && batchSizeOf(part) > batchSizeLimit.value;
    if (!isOne && isTooLarge) return settleHalves(end, retries);
    const result = await commitBatch(context, session, part, isOne ? {} : { retries });
    if (result.status === 'committed') settled = end;
    const { status } = result;
    // The next job must know, even if this one dies before a smaller batch gets through.
    if (status === 'too-slow' && !(await commitNothing(session))) return { status: 'outdated' };
    if (!isOne && (status === 'too-slow' || status === 'too-busy')) return settleHalves(end, retries);
    if (!isOne && status === 'rejected') return settleHalves(end, 'none');
    return status === 'rejected' ? settleOne(result.error) : result;
  }

  async function settleHalves(end: number, retries?: Retries): Promise<ShardCommitResult> {
    const half = settled + Math.ceil((end - settled) / 2);
    for (;;) {
      const left = await settleUpTo(settled < half ? half : end, retries);
      if (left.status !== 'committed' || session.ending !== null || settled >= end) return left;
      // A part that has landed may be followed by a request that has taken a key.
      if (session.run.header.revision !== plannedFor) return { status: 'outdated' };
    }
  }

  async function settleOne(error: unknown): Promise<ShardCommitResult> {
    if (isTimeOut(error)) batchSizeLimit.noteBefore(limitBefore);
    const outcome = await settleRefusedInstance(context, session, batch, { place: settled, error });
    if (outcome.result.status !== 'committed') return outcome.result;
    settled = outcome.settled;
    return outcome.result;
  }

  return settleUpTo(batch.length);
}
