import { reasonOf } from '../calls/reason-of.js';
import type { RunContext } from '../context/run-context.js';
import { commitToShard, type ShardCommitResult } from './commit-to-shard.js';
import { failedInstance, instanceFailure, type PlannedEntry } from './plan-instance.js';
import type { ShardSession } from './shard-session.js';

/**
 * Commits a batch, with its checkpoint. When an instance is to blame for a refusal, the batch is split in halves down
 * to that instance. Each part is a commit with a checkpoint of its own, so that nothing is done twice after a crash.
 */
export async function settleBatch(
  context: RunContext,
  session: ShardSession,
  batch: readonly PlannedEntry[],
): Promise<ShardCommitResult> {
  const { calls } = session.handle;
  const result = await commitBatch(context, session, batch);
  if (result.status !== 'rejected') return result;

  const [first, ...others] = batch;
  if (first === undefined) throw new RangeError('there is no batch to settle');
  if (others.length > 0) {
    const half = Math.ceil(batch.length / 2);
    const left = await settleBatch(context, session, batch.slice(0, half));
    if (left.status !== 'committed' || session.ending !== null) return left;
    return settleBatch(context, session, batch.slice(half));
  }

  if (first.writes === null) throw calls.failure('repository.commit', result.error);
  const { id } = first.writes;
  const failure = instanceFailure(id, null, 'WRITE_REJECTED', reasonOf(result.error));
  const counted = await commitBatch(context, session, [
    failedInstance({ id, cursor: first.cursor }, failure),
  ]);
  // Even a commit without any value is refused: no instance is to blame.
  if (counted.status === 'rejected') throw calls.failure('repository.commit', counted.error);
  return counted;
}

async function commitBatch(
  context: RunContext,
  session: ShardSession,
  entries: readonly PlannedEntry[],
): Promise<ShardCommitResult> {
  const after = entries.at(-1)?.cursor ?? session.shard.after;
  const result = await commitToShard(context, session, { entries, after });
  const failures = result.status === 'committed' ? result.tally.failures : [];
  for (const { instanceId, reason } of failures)
    context.log.instanceFailed(session.run.header, instanceId, reason);
  return result;
}
