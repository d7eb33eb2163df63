import type { CommitResult, InstanceWrites } from '../../ports/repository.js';
import { commitProblem } from '../calls/check-answers.js';
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
 * A transient error is retried, an unknown error once. When the tries are spent, it is refused.
 */
export function tryOut(
  context: RunContext,
  session: ShardSession,
  instances: readonly InstanceWrites[],
): Promise<Verdict> {
  const { calls } = session.handle;
  return calls.call<Verdict>(
    'repository.commit',
    async () => {
      const verdict = await tryOutOnce(context, session, instances);
      if (verdict.is === 'refused') throw verdict.error;
      return verdict;
    },
    {
      async onError(error, failedTries) {
        const kind = classifyError(context.repository, error);
        const isRetried = kind === 'transient' || (kind === 'unknown' && failedTries === 1);
        return isRetried && calls.mayTryAgain(failedTries) ? null : { is: 'refused', error };
      },
    },
  );
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
  const problem = isAccepted
    ? `answered ${result.status} although next threw an error`
    : commitProblem(result, { instances, exhausted: undefined, isNextCalled: false });
  if (problem !== null) throw handle.calls.contractError(`commit: ${problem}`);
  return { is: 'unclear', result };
}
