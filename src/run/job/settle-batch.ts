import type { InstanceWrites } from '../../ports/repository.js';
import { reasonOf } from '../calls/reason-of.js';
import type { RunContext } from '../context/run-context.js';
import { commitToShard, type ShardCommitResult } from './commit-to-shard.js';
import { findRefusedKeys } from './find-refused-keys.js';
import { failedInstance, instanceFailure, type PlannedEntry } from './plan-instance.js';
import type { ShardSession } from './shard-session.js';

/**
 * Commits a batch, with its checkpoint. A batch that takes too long is split in halves. When an instance is to blame for
 * a refusal, the batch is split down to that instance. Each part is a commit with a checkpoint of its own, so that nothing is done twice after a crash.
 */
export async function settleBatch(
  context: RunContext,
  session: ShardSession,
  batch: readonly PlannedEntry[],
): Promise<ShardCommitResult> {
  const { calls } = session.handle;
  const result = await commitBatch(context, session, batch);
  if (result.status === 'too-slow') session.limitBatches(Math.ceil(batch.length / 2));
  else if (result.status !== 'rejected') return result;

  const [first, ...others] = batch;
  if (first === undefined) throw new RangeError('there is no batch to settle');
  if (others.length > 0) {
    const half = Math.ceil(batch.length / 2);
    const left = await settleBatch(context, session, batch.slice(0, half));
    if (left.status !== 'committed' || session.ending !== null) return left;
    return settleBatch(context, session, batch.slice(half));
  }

  if (result.status === 'too-slow') throw new RangeError('a batch of one instance cannot be split');
  if (first.writes === null) throw calls.failure('repository.commit', result.error);
  return settleRefused(context, session, { ...first, writes: first.writes }, result.error);
}

/** One instance that the database refuses: the values that it does not refuse are written all the same. */
async function settleRefused(
  context: RunContext,
  session: ShardSession,
  entry: PlannedEntry & { readonly writes: InstanceWrites },
  error: unknown,
): Promise<ShardCommitResult> {
  const { writes } = entry;
  const refused = await findRefusedKeys(context, session, writes);
  if (refused === null) return { status: 'moved' };
  if (refused.size > 0 && refused.size < writes.values.length) {
    const partial = await commitBatch(context, session, [withoutKeys(entry, refused, keysOf(session))]);
    if (partial.status !== 'rejected') return partial;
  }
  const key = writes.values.length === 1 ? (writes.values[0]?.key ?? null) : null;
  const failure = instanceFailure(writes.id, key, 'WRITE_REJECTED', reasonOf(error));
  const counted = await commitBatch(context, session, [failedInstance(entry, failure)]);
  // Even a commit without any value is refused: no instance is to blame.
  if (counted.status === 'rejected') throw session.handle.calls.failure('repository.commit', counted.error);
  return counted;
}

function withoutKeys(
  entry: PlannedEntry & { readonly writes: InstanceWrites },
  refused: ReadonlyMap<string, unknown>,
  keys: readonly string[],
): PlannedEntry {
  const { id, values } = entry.writes;
  const failures = [...refused].map(([key, error]) =>
    instanceFailure(id, key, 'WRITE_REJECTED', reasonOf(error)),
  );
  return {
    ...entry,
    writes: { ...entry.writes, values: values.filter(({ key }) => !refused.has(key)) },
    findings: entry.findings.map((finding, index) => (refused.has(keys[index] ?? '') ? 'failed' : finding)),
    failures: [...entry.failures, ...failures],
  };
}

function keysOf({ run }: ShardSession): readonly string[] {
  return run.header.definition.paths.map(({ key }) => key);
}

async function commitBatch(
  context: RunContext,
  session: ShardSession,
  entries: readonly PlannedEntry[],
): Promise<ShardCommitResult> {
  const after = entries.at(-1)?.cursor ?? session.shard.after;
  const result = await commitToShard(context, session, { entries, after });
  const failures = result.status === 'committed' ? result.tally.failures : [];
  for (const failure of failures) context.log.instanceFailed(session.run.header, failure);
  return result;
}
