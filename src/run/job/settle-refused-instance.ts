import type { InstanceWrites } from '../../ports/repository.js';
import { classifyError } from '../calls/classify-error.js';
import { reasonOf } from '../calls/reason-of.js';
import type { RunContext } from '../context/run-context.js';
import { touch } from '../record/run-changes.js';
import type { InstanceFailure } from '../record/tally.js';
import { commitBatch } from './commit-batch.js';
import type { ShardCommitResult } from './commit-to-shard.js';
import { findRefusedValues } from './find-refused-values.js';
import { failedInstance, instanceFailure, type PlannedEntry } from './plan-instance.js';
import type { ShardSession } from './shard-session.js';

const EXPERIMENTS = 2;

/**
 * One instance alone was refused. If the error speaks of its data, the instance is to blame. Any other error may come
 * from an outage, so an experiment decides:
 * 1. A commit without any instance. While that is refused, too, no instance is to blame.
 * 2. The instance alone, once more. If the first refusal came from an outage, that outage is over by now. Both steps are
 *    done twice, because there may be another outage.
 * 3. Refused again: the values that are refused are found, and the others are written.
 * 4. Even that is refused: the instance gets nothing, and its failure is counted. If even a commit without its values is
 *    refused, no instance is to blame.
 */
export async function settleRefusedInstance(
  context: RunContext,
  session: ShardSession,
  entry: PlannedEntry,
  error: unknown,
): Promise<ShardCommitResult> {
  const { calls } = session.handle;
  const { writes } = entry;
  if (writes === null) throw calls.failure('repository.commit', error);
  let refusal = error;
  const isOfData = classifyError(context.repository, error) === 'instance';
  for (let round = 0; round < (isOfData ? 0 : EXPERIMENTS); round += 1) {
    if (!(await commitNothing(session))) return { status: 'moved' };
    const again = await commitBatch(context, session, [entry], { isExperiment: true });
    if (again.status !== 'rejected') return again;
    refusal = again.error;
  }

  const refused = await findRefusedValues(context, session, writes, refusal);
  if ('status' in refused) return refused;
  if (refused.size > 0) {
    const partial = await commitBatch(context, session, [
      withoutValues(session, { ...entry, writes }, refused),
    ]);
    if (partial.status !== 'rejected') return partial;
  }
  const failed = failedInstance(entry, failureOf(writes, null, refusal));
  const counted = await commitBatch(context, session, [failed]);
  if (counted.status === 'rejected') throw calls.failure('repository.commit', counted.error);
  return counted;
}

/**
 * Stores the shard as it is, and tries until that is accepted. `false`: the shard has moved meanwhile.
 * @throws {PortError} when the tries are spent.
 */
async function commitNothing(session: ShardSession): Promise<boolean> {
  const { shard: before, run: seen } = session;
  const { run } = await session.handle.change((stored) => touch(stored, before.index));
  session.adopt(run);
  const isReplanned = run.header.revision !== seen.header.revision;
  return session.ending === null && !isReplanned && session.isAt(session.shard.after, before.after);
}

/** The same instance without the values that are refused. What was found under its other keys still counts. */
function withoutValues(
  { run }: ShardSession,
  entry: PlannedEntry & { readonly writes: InstanceWrites },
  refused: ReadonlyMap<string, unknown>,
): PlannedEntry {
  const { writes } = entry;
  const { paths } = run.header.definition;
  return {
    ...entry,
    writes: { ...writes, values: writes.values.filter(({ key }) => !refused.has(key)) },
    findings: entry.findings.map((finding, index) =>
      refused.has(paths[index]?.key ?? '') ? 'failed' : finding,
    ),
    failures: [...entry.failures, ...[...refused].map(([key, error]) => failureOf(writes, key, error))],
  };
}

function failureOf({ id, values }: InstanceWrites, key: string | null, error: unknown): InstanceFailure {
  const texts = values.map(({ value }) => (typeof value === 'string' ? value : `${JSON.stringify(value)}`));
  return instanceFailure(id, key, 'WRITE_REJECTED', reasonOf(error, texts));
}
