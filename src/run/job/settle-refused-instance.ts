import type { JsonValue } from '../../extraction/json-value.js';
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
import { tryOut } from './try-out.js';

const EXPERIMENTS = 2;
const MOST_WITNESSES = 3;

interface Refusal {
  readonly error: unknown;
  /** The entries that were to be committed with it. */
  readonly batch: readonly PlannedEntry[];
}

/**
 * One instance alone was refused. If the error speaks of its data, the instance is to blame. Any other error may come
 * from an outage, or from a fault of the whole database, so experiments decide:
 * 1. A commit without any instance. While that is refused, too, no instance is to blame.
 * 2. The instance alone, once more. If the first refusal came from an outage, that outage is over by now. Both steps are
 *    done twice, because there may be another outage.
 * 3. Refused again with an error that may pass, or that most likely is not about data: other instances of the batch are
 *    tried out. Unless one is accepted, no instance is to blame. If one is, the instance is tried a last time.
 * 4. The values that are refused are found, and the others are written.
 * 5. Even that is refused: the instance gets nothing, and its failure is counted. If even a commit without its values is
 *    refused, no instance is to blame.
 */
export async function settleRefusedInstance(
  context: RunContext,
  session: ShardSession,
  entry: PlannedEntry,
  { error, batch }: Refusal,
): Promise<ShardCommitResult> {
  const { calls } = session.handle;
  const { writes } = entry;
  if (writes === null) throw calls.failure('repository.commit', error);
  let refusal = error;
  const isOfData = kindOf(error) === 'instance';
  for (let round = 0; round < (isOfData ? 0 : EXPERIMENTS); round += 1) {
    if (!(await commitNothing(session))) return { status: 'moved' };
    const again = await commitBatch(context, session, [entry], { patience: 'experiment' });
    if (again.status !== 'rejected') return again;
    refusal = again.error;
  }
  const mayPass = kindOf(refusal) === 'transient';
  if (mayPass || kindOf(refusal) === 'doubtful') {
    if (!(await isAnotherAccepted(context, session, entry, batch)))
      throw calls.failure('repository.commit', refusal);
    const again = await commitBatch(context, session, [entry], { patience: 'experiment' });
    if (again.status !== 'rejected') return again;
    refusal = again.error;
  }

  // Which value makes an error that may pass cannot be told from a few tries.
  const refused = mayPass ? NONE : await findRefusedValues(context, session, writes, refusal);
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

  function kindOf(error: unknown): ReturnType<typeof classifyError> {
    return classifyError(context.repository, error);
  }
}

const NONE: ReadonlyMap<string, unknown> = new Map();

/** Tries out a few others with values to write, first those behind it, which are not written yet. */
async function isAnotherAccepted(
  context: RunContext,
  session: ShardSession,
  entry: PlannedEntry,
  batch: readonly PlannedEntry[],
): Promise<boolean> {
  const place = batch.indexOf(entry);
  const others = [...batch.slice(place + 1), ...batch.slice(0, place)]
    .flatMap(({ writes }) => writes ?? [])
    .filter(({ values }) => values.length > 0);
  for (const other of others.slice(0, MOST_WITNESSES)) {
    const verdict = await tryOut(context, session, [other]);
    if (verdict.is === 'accepted') return true;
    // Another job goes on. The next commit of this one finds that out.
    if (verdict.is === 'unclear' && verdict.result.status === 'conflict') return true;
  }
  return false;
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
  const texts = values.flatMap(({ value }) => textsOf(value));
  return instanceFailure(id, key, 'WRITE_REJECTED', reasonOf(error, texts));
}

/** What a message may quote of a value: the whole of it, and what it holds. The longest first. */
function textsOf(value: JsonValue | undefined): string[] {
  if (typeof value === 'string' || typeof value === 'number') return [String(value)];
  if (typeof value !== 'object' || value === null) return [];
  const inside = Object.values(value).flatMap(textsOf);
  return [JSON.stringify(value), ...inside.toSorted((a, b) => b.length - a.length)];
}
