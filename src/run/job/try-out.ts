import type { CommitResult, InstanceId, InstanceWrites, WriteOutcome } from '../../ports/repository.js';
import { commitProblem } from '../calls/check-answers.js';
import { classifyError } from '../calls/classify-error.js';
import { ENDLESS_CONFLICT, MOST_CONFLICTS } from '../calls/open-run.js';
import { noteSentValues } from '../calls/sent-values.js';
import { errorsWithin } from '../calls/wrapped-errors.js';
import type { RunContext } from '../context/run-context.js';
import { shardRecordId } from '../record/run-record.js';
import type { ShardSession } from './shard-session.js';

/** What the database says to writes that are rolled back. `outdated`: the record of the shard has changed meanwhile. */
export type Verdict =
  /** `writes`: at least one value would be written. All others are there already, or the instance is gone. */
  | { readonly is: 'accepted'; readonly writes: boolean }
  | { readonly is: 'refused'; readonly error: unknown }
  /** An instance was saved since it was read. It would be left behind. */
  | { readonly is: 'moved' }
  | { readonly is: 'outdated' };

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

/** One try, whatever the error is. If another job has only touched the record of the shard, the writes are still worth a try. */
export async function tryOutOnce(
  context: RunContext,
  session: ShardSession,
  instances: readonly InstanceWrites[],
): Promise<Verdict> {
  const { handle } = session;
  for (let conflicts = 1; conflicts <= MOST_CONFLICTS; conflicts += 1) {
    const verdict = await rolledBack(context, session, instances);
    if (verdict !== 'conflict') return verdict;
    if (!session.adopt(await handle.load())) return { is: 'outdated' };
  }
  throw handle.calls.contractError(ENDLESS_CONFLICT);
}

async function rolledBack(
  { repository }: RunContext,
  { handle, run, shard }: ShardSession,
  instances: readonly InstanceWrites[],
): Promise<Verdict | 'conflict'> {
  let verdict: Verdict | null = null;
  let result: CommitResult;
  const rollback = new Error('Rolled back: these values were only tried out.');
  try {
    result = await repository.commit({
      processModelId: run.header.processModelId,
      expected: [{ id: shardRecordId(handle.runId, shard.index), revision: shard.revision }],
      instances,
      next: (outcome) => {
        const writes = instances.some(({ id }) => isWritten(id, instances, outcome));
        verdict = outcome.moved.length > 0 ? { is: 'moved' } : { is: 'accepted', writes };
        throw rollback;
      },
    });
  } catch (error) {
    noteSentValues(error, instances);
    // A repository may call `next` before it writes, as long as it calls it again with another outcome.
    return verdict !== null && errorsWithin(error).includes(rollback) ? verdict : { is: 'refused', error };
  }
  const problem =
    verdict === null
      ? commitProblem(result, { exhausted: undefined, isNextCalled: false })
      : `answered ${result.status} although next threw an error`;
  if (problem !== null) throw handle.calls.contractError(`commit: ${problem}`);
  return 'conflict';
}

/** Whether at least one value of the instance was written. */
export function isWritten(
  instanceId: InstanceId,
  instances: readonly InstanceWrites[],
  { gone, kept, moved }: WriteOutcome,
): boolean {
  if ([...moved, ...gone].includes(instanceId)) return false;
  const values = instances.find(({ id }) => id === instanceId)?.values ?? [];
  return kept.filter(({ id }) => id === instanceId).length < values.length;
}
