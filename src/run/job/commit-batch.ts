import type { RunContext } from '../context/run-context.js';
import { commitToShard, type ShardCommit, type ShardCommitResult } from './commit-to-shard.js';
import type { PlannedEntry } from './plan-instance.js';
import type { ShardSession } from './shard-session.js';

/**
 * Commits planned entries with the checkpoint behind them, and logs the failures among them. Those that were read again by
 * their ids do not move the cursor.
 */
export async function commitBatch(
  context: RunContext,
  session: ShardSession,
  entries: readonly PlannedEntry[],
  options: Pick<ShardCommit, 'retries' | 'witness'> = {},
): Promise<ShardCommitResult> {
  const after = entries.findLast(({ reread }) => reread === null)?.cursor ?? session.shard.after;
  const result = await commitToShard(context, session, { entries, after, ...options });
  const failures = result.status === 'committed' ? result.failures : [];
  for (const failure of failures) context.log.instanceFailed(session.run.header, failure);
  return result;
}
