import type { InstanceWrites } from '../../ports/repository.js';
import { isTimeOut } from '../calls/is-time-out.js';
import { reasonOf } from '../calls/reason-of.js';
import type { RunContext } from '../context/run-context.js';
import type { InstanceFailure } from '../record/tally.js';
import { commitBatch } from './commit-batch.js';
import type { ShardCommit, ShardCommitResult } from './commit-to-shard.js';
import { failedInstance, instanceFailure, type PlannedEntry } from './plan-instance.js';
import type { ShardSession } from './shard-session.js';

/** Why an instance fails, and which of its values are refused. None: it fails as a whole. */
export interface Blame {
  readonly error: unknown;
  readonly refused: ReadonlyMap<string, unknown>;
}

/**
 * Commits entries some of which fail, in one of the ways to do so.
 * @returns `rejected` also if it takes too long.
 */
export async function commitFailures(
  context: RunContext,
  session: ShardSession,
  entries: readonly PlannedEntry[],
  blamed: ReadonlyMap<PlannedEntry, Blame>,
  { form, ...options }: { readonly form: Form } & Pick<ShardCommit, 'retries' | 'witness'>,
): Promise<ShardCommitResult> {
  const changed = entries.map((entry) => {
    const blame = blamed.get(entry);
    return blame === undefined || entry.writes === null ? entry : form(session, entry, entry.writes, blame);
  });
  // One slow instance says nothing about the batch size. Its failure is stored with the limit from before.
  const { batchSizeLimit } = session;
  const { value: limitNow, before: limitBefore } = batchSizeLimit;
  const isSlow = [...blamed.values()].some(({ error }) => isTimeOut(error));
  if (isSlow && limitBefore !== undefined) batchSizeLimit.restore(limitBefore);
  const result = await commitBatch(context, session, changed, options);
  if (result.status !== 'committed') batchSizeLimit.restore(limitNow);
  return result.status === 'too-slow' ? { status: 'rejected', error: result.error } : result;
}

/** How an instance fails. */
export type Form = (
  session: ShardSession,
  entry: PlannedEntry,
  writes: InstanceWrites,
  blame: Blame,
) => PlannedEntry;

/** The same instance without the values that are refused. What was found under its other keys still counts. */
export const withoutRefused: Form = (session, entry, writes, { error, refused }) => {
  if (refused.size === 0) return withoutValues(session, entry, writes, { error, refused });
  const { paths } = session.run.header.definition;
  return {
    ...entry,
    writes: { ...writes, values: writes.values.filter(({ key }) => !refused.has(key)) },
    findings: entry.findings.map((finding, index) =>
      refused.has(paths[index]?.key ?? '') ? 'failed' : finding,
    ),
    failures: [...entry.failures, ...[...refused].map(([key, error]) => failureOf(writes, key, error))],
  };
};

/** It gets nothing. */
export const withoutValues: Form = (_, entry, writes, { error }) =>
  failedInstance(entry, failureOf(writes, null, error));

/** It gets nothing, and the database does not even learn of it. */
export const unnamed: Form = (_, entry, writes, { error }) => ({
  ...failedInstance(entry, failureOf(writes, null, error)),
  writes: null,
});

function failureOf({ id }: InstanceWrites, key: string | null, error: unknown): InstanceFailure {
  return instanceFailure(id, key, 'WRITE_REJECTED', reasonOf(error));
}
