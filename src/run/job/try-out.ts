import type { CommitResult, InstanceWrites } from '../../ports/repository.js';
import { classifyError } from '../calls/classify-error.js';
import type { RunContext } from '../context/run-context.js';
import { shardRecordId } from '../record/run-record.js';
import type { ShardSession } from './shard-session.js';

/** What the database says to writes that are rolled back. `unclear`: a record or an instance has changed meanwhile. */
export type Verdict =
  | { readonly is: 'accepted' }
  | { readonly is: 'refused'; readonly error: unknown }
  | { readonly is: 'unclear'; readonly result: CommitResult };

/**
 * Writes the instances and rolls that back: `next` throws an error, which every repository answers with nothing changed.
 * An error that may pass is followed by another try, an error of unknown kind by one.
 * @throws {PortError} when the tries are spent, or another one would not help whatever is written.
 */
export function tryOut(
  context: RunContext,
  session: ShardSession,
  instances: readonly InstanceWrites[],
): Promise<Verdict> {
  return session.handle.calls.call<Verdict>('repository.commit', async (failedTries) => {
    const verdict = await tryOutOnce(context, session, instances);
    if (verdict.is !== 'refused') return verdict;
    const kind = classifyError(context.repository, verdict.error);
    const isFinal = kind === 'instance' || kind === 'suspect' || kind === 'doubtful';
    if (isFinal || (kind === 'unknown' && failedTries > 0)) return verdict;
    throw verdict.error;
  });
}

/** One try, whatever the error is. */
export async function tryOutOnce(
  { repository }: RunContext,
  { handle, run, shard }: ShardSession,
  instances: readonly InstanceWrites[],
): Promise<Verdict> {
  let isAccepted = false;
  let result: CommitResult;
  try {
    result = await repository.commit({
      processModelId: run.header.processModelId,
      expected: [{ id: shardRecordId(handle.runId, shard.index), revision: shard.revision }],
      instances,
      next: () => {
        isAccepted = true;
        throw new Error('Rolled back: these values were only tried out.');
      },
    });
  } catch (error) {
    return isAccepted ? { is: 'accepted' } : { is: 'refused', error };
  }
  if (result.status === 'committed')
    throw handle.calls.contractError('commit answered committed although `next` threw an error.');
  return { is: 'unclear', result };
}
