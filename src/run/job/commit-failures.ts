import type { JsonValue } from '../../extraction/json-value.js';
import type { InstanceWrites } from '../../ports/repository.js';
import { reasonOf } from '../calls/reason-of.js';
import type { RunContext } from '../context/run-context.js';
import type { InstanceFailure } from '../record/tally.js';
import { commitBatch } from './commit-batch.js';
import type { ShardCommitResult } from './commit-to-shard.js';
import { failedInstance, instanceFailure, type PlannedEntry } from './plan-instance.js';
import type { ShardSession } from './shard-session.js';
import { tryOutOnce } from './try-out.js';

/** Why an instance fails, and which of its values are refused. None: it fails as a whole. */
export interface Blame {
  readonly error: unknown;
  readonly refused: ReadonlyMap<string, unknown>;
}

/**
 * Commits entries some of which fail: with the values that are accepted, or else without any values of theirs. If even
 * that is refused although others go through, they are counted without naming them to the database.
 * @returns `rejected` if they cannot be to blame.
 */
export async function commitFailures(
  context: RunContext,
  session: ShardSession,
  entries: readonly PlannedEntry[],
  blamed: ReadonlyMap<PlannedEntry, Blame>,
  { othersGoThrough }: { readonly othersGoThrough: boolean },
): Promise<ShardCommitResult> {
  async function commitAs(form: Form): Promise<ShardCommitResult> {
    const changed = entries.map((entry) => {
      const blame = blamed.get(entry);
      return blame === undefined || entry.writes === null ? entry : form(session, entry, entry.writes, blame);
    });
    const result = await commitBatch(context, session, changed);
    return result.status === 'too-slow' ? { status: 'rejected', error: result.error } : result;
  }

  const isPartial = [...blamed.values()].some(({ refused }) => refused.size > 0);
  let result = isPartial ? await commitAs(withoutRefused) : NOT_TRIED;
  if (result.status === 'rejected') result = await commitAs(withoutValues);
  if (!othersGoThrough) return result;
  for (let round = 0; result.status === 'rejected' && round < ROUNDS; round += 1) {
    if ((await tryOutOnce(context, session, [])).is === 'refused') return result; // everything is
    result = await commitAs(withoutValues);
  }
  return result.status === 'rejected' ? commitAs(unnamed) : result;
}

const NOT_TRIED: ShardCommitResult = { status: 'rejected', error: null };
/** An outage may end between a refusal and the look at whether it is over. */
const ROUNDS = 2;

type Form = (
  session: ShardSession,
  entry: PlannedEntry,
  writes: InstanceWrites,
  blame: Blame,
) => PlannedEntry;

/** The same instance without the values that are refused. What was found under its other keys still counts. */
const withoutRefused: Form = (session, entry, writes, { error, refused }) => {
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

const withoutValues: Form = (_, entry, writes, { error }) =>
  failedInstance(entry, failureOf(writes, null, error));

const unnamed: Form = (_, entry, writes, { error }) => ({
  ...failedInstance(entry, failureOf(writes, null, error)),
  writes: null,
});

function failureOf({ id, values }: InstanceWrites, key: string | null, error: unknown): InstanceFailure {
  const texts = values.flatMap(({ value }) => {
    const inside = textsIn(value);
    const isWritten = typeof value === 'object' && inside.length <= MOST_TEXTS;
    return isWritten ? [...inside, JSON.stringify(value)] : inside;
  });
  return instanceFailure(id, key, 'WRITE_REJECTED', reasonOf(error, texts));
}

/** A larger value is not written as a whole: no message quotes it. */
const MOST_TEXTS = 1_000;

/** What a message may quote of a value. */
function textsIn(value: JsonValue | undefined): string[] {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
