import type { InstanceWrites, MetadataWrite } from '../../ports/repository.js';
import { classifyError } from '../calls/classify-error.js';
import type { RunContext } from '../context/run-context.js';
import { shardRecordId } from '../record/run-record.js';
import type { ShardSession } from './shard-session.js';

/**
 * Finds the values of one instance that the database refuses. Each value is written alone and rolled back, by an error
 * in `next`, which every repository answers with nothing changed.
 * @returns the errors by key. `null` when the stored run has changed meanwhile.
 */
export async function findRefusedKeys(
  context: RunContext,
  session: ShardSession,
  writes: InstanceWrites,
): Promise<ReadonlyMap<string, unknown> | null> {
  const refused = new Map<string, unknown>();
  for (const value of writes.values) {
    const answer = await tryOne(context, session, { ...writes, values: [value] }, value);
    if (answer === 'moved') return null;
    if (answer !== 'accepted') refused.set(value.key, answer.error);
  }
  return refused;
}

function tryOne(
  { repository }: RunContext,
  { handle, run, shard }: ShardSession,
  writes: InstanceWrites,
  { key }: MetadataWrite,
): Promise<'accepted' | 'moved' | { readonly error: unknown }> {
  return handle.calls.call('repository.commit', async () => {
    let isAccepted = false;
    try {
      const { status } = await repository.commit({
        processModelId: run.header.processModelId,
        expected: [{ id: shardRecordId(handle.runId, shard.index), revision: shard.revision }],
        instances: [writes],
        next: () => {
          isAccepted = true;
          throw new Error(`Rolled back: the value under ${JSON.stringify(key)} was only tried.`);
        },
      });
      if (status !== 'committed') return 'moved';
    } catch (error) {
      if (isAccepted) return 'accepted';
      if (classifyError(repository, error) === 'transient') throw error;
      return { error };
    }
    throw handle.calls.contractError('commit answered committed although `next` threw an error.');
  });
}
