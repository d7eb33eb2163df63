import type { CommitResult, InstanceWrites, MetadataWrite } from '../../ports/repository.js';
import { classifyError } from '../calls/classify-error.js';
import type { RunContext } from '../context/run-context.js';
import { shardRecordId } from '../record/run-record.js';
import type { ShardCommitResult } from './commit-to-shard.js';
import type { ShardSession } from './shard-session.js';

/**
 * Finds which values of one instance the database refuses, by halves. Each part is written and rolled back: `next` throws
 * an error, which every repository answers with nothing changed.
 * @returns the errors by key; empty if each value alone is accepted. Or why the instance must be read again.
 */
export async function findRefusedValues(
  context: RunContext,
  session: ShardSession,
  writes: InstanceWrites,
  refusal: unknown,
): Promise<ReadonlyMap<string, unknown> | ShardCommitResult> {
  const refused = new Map<string, unknown>();

  /** `values` together are refused with `error`. */
  async function search(values: readonly MetadataWrite[], error: unknown): Promise<ShardCommitResult | null> {
    const [only, ...others] = values;
    if (only === undefined) return null;
    if (others.length === 0) {
      refused.set(only.key, error);
      return null;
    }
    const half = Math.ceil(values.length / 2);
    for (const part of [values.slice(0, half), values.slice(half)]) {
      const answer = await tryOut(context, session, { ...writes, values: part });
      if ('status' in answer) return answer;
      const found = answer.isRefused ? await search(part, answer.error) : null;
      if (found !== null) return found;
    }
    return null;
  }

  return (await search(writes.values, refusal)) ?? refused;
}

type Answer = { readonly isRefused: false } | { readonly isRefused: true; readonly error: unknown };

/** After an error that may pass, the same values are tried once more. */
function tryOut(
  { repository }: RunContext,
  { handle, run, shard }: ShardSession,
  writes: InstanceWrites,
): Promise<Answer | ShardCommitResult> {
  const { calls } = handle;
  return calls.call<Answer | ShardCommitResult>('repository.commit', async (failedTries) => {
    let isAccepted = false;
    let result: CommitResult;
    try {
      result = await repository.commit({
        processModelId: run.header.processModelId,
        expected: [{ id: shardRecordId(handle.runId, shard.index), revision: shard.revision }],
        instances: [writes],
        next: () => {
          isAccepted = true;
          throw new Error('Rolled back: these values were only tried out.');
        },
      });
    } catch (error) {
      if (isAccepted) return { isRefused: false };
      const kind = classifyError(repository, error);
      const isVerdict = kind === 'instance' || kind === 'suspect' || (kind === 'unknown' && failedTries > 0);
      if (!isVerdict) throw error;
      return { isRefused: true, error };
    }
    if (result.status === 'committed')
      throw calls.contractError('commit answered committed although `next` threw an error.');
    return result.status === 'stale' ? result : { status: 'moved' };
  });
}
