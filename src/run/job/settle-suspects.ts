import type { InstanceId, InstanceWrites } from '../../ports/repository.js';
import { classifyError } from '../calls/classify-error.js';
import { countUnproven, isCounted, MOST_UNPROVEN } from '../changes/count-unproven.js';
import type { RunContext } from '../context/run-context.js';
import { tallyOf } from '../record/run-record.js';
import { commitBatch } from './commit-batch.js';
import { type Blame, commitFailures, unnamed, withoutRefused, withoutValues } from './commit-failures.js';
import type { ShardCommitResult } from './commit-to-shard.js';
import { findRefusedValues } from './find-refused-values.js';
import { batchSizeOf, hasValues, type PlannedEntry } from './plan-instance.js';
import { rewriteLast } from './rewrite-last.js';
import type { ShardSession } from './shard-session.js';
import { tryOut, tryOutOnce, type Verdict } from './try-out.js';

/** What became of a refused instance, and how many entries of its batch are settled, from the first one on. */
export interface Settled {
  readonly result: ShardCommitResult;
  readonly settled: number;
}

export function settledUpTo(settled: number, result: ShardCommitResult): Settled {
  return { result, settled };
}

/** An instance that is refused alone. */
export interface Refusal {
  /** Its place in the batch. All entries before it are settled. */
  readonly place: number;
  readonly error: unknown;
}

/** After this many refusals in a row, nobody is to blame. A transient error may be a time-out, each of which takes long. */
const MOST_SUSPECTS = 200;
const MOST_SLOW_SUSPECTS = 20;
/** The job gives up after so many that were accepted alone, but refused at the end of the transaction. */
const MOST_IN_VAIN = 3;
/** In this order. The first one twice, because an error may pass. */
const FORMS = [withoutRefused, withoutRefused, withoutValues, unnamed];
/** If a commit of this size has taken too long. */
const SMALL_FORMS = [unnamed, unnamed];

/**
 * An instance is refused although the database accepts a commit without instances. The error is transient, or is probably
 * about the whole database. So the instance is to blame only if others go through:
 * 1. Those behind it in the batch are tried out, one by one. Those that are refused are suspects, too.
 * 2. Once one is accepted, the suspects are tried again. An outage may be over by now.
 * 3. Those that are still refused fail in the same commit that writes the accepted one. So an outage or a missing
 *    permission, which refuses all of them, is nobody's fault.
 *
 * If none behind it is accepted, a new batch is read from there on, with more instances behind. At the end of the shard there
 * are none. Then a few may fail if the database accepts, between two refusals, that a stored value is written again.
 * Otherwise, only a single remaining one may fail, after all tries.
 * @throws {PortError} when nobody is to blame.
 */
export async function settleSuspects(
  context: RunContext,
  session: ShardSession,
  batch: readonly PlannedEntry[],
  { place, error }: Refusal,
): Promise<Settled> {
  const { calls } = session.handle;
  const suspects: PlannedEntry[] = batch.slice(place, place + 1);

  const writes = suspects[0]?.writes;
  const first = writes ? (await tryOutOnce(context, session, [writes])).is : 'refused';
  if (first === 'outdated') return settledUpTo(place, OUTDATED);
  if (first !== 'refused') {
    // Refused only at the end of a transaction, as in a serialization failure. That says nothing about this instance. Or
    // it has moved on, and the commit leaves it behind.
    const again = await commitBatch(context, session, suspects);
    if (again.status !== 'rejected') return settledUpTo(place + 1, again);
  }

  const most = classifyError(context.repository, error) === 'transient' ? MOST_SLOW_SUSPECTS : MOST_SUSPECTS;
  let vain = 0;
  for (let at = place + 1; at < batch.length; at += 1) {
    context.signal.throwIfAborted();
    const other = batch[at] as PlannedEntry;
    if (!hasValues(other)) continue;
    const verdict = await tryOutOnce(context, session, [other.writes]);
    if (verdict.is === 'outdated') return settledUpTo(place, OUTDATED);
    // If nothing would be written, it is no proof.
    if (verdict.is === 'moved' || (verdict.is === 'accepted' && !verdict.writes)) continue;
    if (verdict.is === 'accepted') {
      const outcome = await failTogether(at + 1, { written: other.writes.id });
      if (outcome.result.status !== 'rejected') return outcome;
      // Perhaps because of one in between that gets no values, but is locked.
      const more = await suspectOthers(at);
      if (more === 'outdated') return settledUpTo(place, OUTDATED);
      const last = more ? await failTogether(at + 1, { written: other.writes.id }) : outcome;
      if (last.result.status !== 'rejected') return last;
      // It is refused at the end of the transaction, and so are many, then.
      vain += 1;
      if (vain >= MOST_IN_VAIN) throw calls.failure('repository.commit', last.result.error);
    }
    suspects.push(other);
    if (suspects.length > most) throw calls.failure('repository.commit', error);
  }

  const tried = batch.slice(place).filter(hasValues).length;
  if (place > 0 || (tried <= most && tried >= session.fewestWithValues)) {
    session.wantWithValues(Math.max(2, 2 * tried));
    return settledUpTo(place, OUTDATED);
  }
  // There are no more. If this one is refused only at the end of a transaction, a rolled-back write proves nothing.
  const isUnclear = first !== 'refused' || suspects.length > MOST_UNPROVEN;
  if (isUnclear) throw calls.failure('repository.commit', error);
  const ids = new Set(suspects.map((suspect) => suspect.writes?.id));
  const other = await rewriteLast(context, session, ids);
  const outcome = other === null ? null : await failTogether(batch.length, { rolledBack: other });
  if (outcome !== null && outcome.result.status !== 'rejected') return outcome;
  // After a transient error: the database is out. Otherwise the host may just lack the permission to update.
  const isOut = outcome !== null && classifyError(context.repository, error) === 'transient';
  if (isOut) throw calls.failure('repository.commit', error);
  return failTheOnlyOne();

  /** If nothing shows that the database takes values, only time can tell, and only one instance may fail. */
  async function failTheOnlyOne(): Promise<Settled> {
    const hasWritten = tallyOf(session.run).keys.some(({ written }) => written > 0);
    if (!writes || !hasWritten || tried > 1 || suspects.length > 1)
      throw calls.failure('repository.commit', error);
    for (let tries = 1; calls.mayTryAgain(tries); tries += 1) {
      await calls.pause(tries);
      if ((await tryOutOnce(context, session, [writes])).is !== 'refused')
        return settledUpTo(place, OUTDATED);
    }
    const last = await failTogether(batch.length, { rolledBack: null });
    if (last.result.status === 'rejected') throw calls.failure('repository.commit', last.result.error);
    return last;
  }

  /** Notes in the header how many are about to fail without a witness in the same commit. */
  async function countBlamed(instances: number): Promise<'counted' | 'too-many' | 'outdated'> {
    const added = { shard: session.shard.index, commits: session.shard.commits, instances };
    let before = session.run;
    const { run } = await session.handle.change((stored) => {
      before = stored;
      return countUnproven(stored, added);
    });
    // This change of the header makes no batch outdated. Others do.
    const isUnmoved = session.adopt(before);
    session.adopt(run);
    if (!isUnmoved || session.ending !== null) return 'outdated';
    return isCounted(run.header, added) ? 'counted' : 'too-many';
  }

  /** Whether any instance before this one that gets no values is refused as well. */
  async function suspectOthers(end: number): Promise<boolean | 'outdated'> {
    const known = suspects.length;
    for (const entry of batch.slice(place + 1, end)) {
      if (entry.writes === null || hasValues(entry) || suspects.includes(entry)) continue;
      const { is } = await tryOutOnce(context, session, [entry.writes]);
      if (is === 'outdated') return 'outdated';
      if (is === 'refused') suspects.push(entry);
    }
    return suspects.length > known;
  }

  /**
   * Fails the suspects in one commit with the entries up to `end`, which writes one of these, or nothing is stored. At the end
   * of the shard, a write tried out first is the proof. Before each try, the suspects are tested again: an outage
   * may be over.
   */
  async function failTogether(end: number, witness: Witness): Promise<Settled> {
    let result: ShardCommitResult = { status: 'rejected', error };
    const limit = session.batchSizeLimit.value;
    const isTooLarge = limit !== null && batchSizeOf(batch.slice(place, end)) > limit;
    for (const form of isTooLarge ? SMALL_FORMS : FORMS) {
      if (witness.rolledBack !== undefined) {
        const proof = witness.rolledBack === null ? [] : [witness.rolledBack];
        const verdict = await tryOut(context, session, proof);
        if (verdict.is === 'outdated') return settledUpTo(place, OUTDATED);
        if (verdict.is !== 'accepted' || verdict.writes !== proof.length > 0) {
          const refusal = verdict.is === 'refused' ? verdict.error : error;
          return settledUpTo(place, { status: 'rejected', error: refusal });
        }
      }
      const refused = await stillRefused(context, session, suspects, error);
      if ('status' in refused) return settledUpTo(place, refused);
      const blamed = new Map(refused);
      const again = await commitBatch(context, session, suspects.slice(0, 1), { retries: 'transient' });
      if (again.status !== 'rejected') return settledUpTo(place + 1, again);
      // Refused only at the end of a transaction.
      const [suspect] = suspects;
      if (suspect && !blamed.has(suspect)) blamed.set(suspect, { error: again.error, refused: new Map() });
      if (witness.written === undefined) {
        const counted = await countBlamed(blamed.size);
        if (counted === 'outdated') return settledUpTo(place, OUTDATED);
        if (counted === 'too-many') throw calls.failure('repository.commit', error);
      }
      const entries = batch.slice(place, end);
      result = await commitFailures(context, session, entries, blamed, {
        form,
        retries: 'none',
        witness: witness.written,
      });
      if (result.status !== 'rejected') break;
    }
    return settledUpTo(end, result);
  }
}

/** What shows that the database takes values. */
interface Witness {
  /** The instance that must be written in the commit in which others fail. */
  readonly written?: InstanceId;
  /** Writes that are tried out right before. `null`: a commit without instances is. */
  readonly rolledBack?: InstanceWrites | null;
}

/** Those that are refused once more. The first counts as refused, with `firstError`. The caller commits it again alone. */
async function stillRefused(
  context: RunContext,
  session: ShardSession,
  suspects: readonly PlannedEntry[],
  firstError: unknown,
): Promise<ReadonlyMap<PlannedEntry, Blame> | ShardCommitResult> {
  const blamed = new Map<PlannedEntry, Blame>();
  for (const [index, entry] of suspects.entries()) {
    const blame = await blameFor(context, session, entry, index === 0 ? firstError : null);
    if (blame === 'outdated') return OUTDATED;
    if (blame !== null) blamed.set(entry, blame);
  }
  return blamed;
}

/** `null` if it is accepted by now, or has moved on. */
async function blameFor(
  context: RunContext,
  session: ShardSession,
  { writes }: PlannedEntry,
  refusal: unknown,
): Promise<Blame | 'outdated' | null> {
  if (writes === null) return null;
  const verdict: Verdict =
    refusal === null ? await tryOut(context, session, [writes]) : { is: 'refused', error: refusal };
  if (verdict.is === 'outdated') return 'outdated';
  if (verdict.is !== 'refused') return null;
  const { error } = verdict;
  // Which value makes a transient error cannot be told from a few tries.
  if (classifyError(context.repository, error) === 'transient') return { error, refused: new Map() };
  const refused = await findRefusedValues(context, session, writes, error);
  if ('is' in refused) return refused.is === 'outdated' ? 'outdated' : null;
  // Each value alone is accepted: together they may be refused, or an outage is over.
  const again = refused.size === 0 ? await tryOut(context, session, [writes]) : verdict;
  if (again.is === 'outdated') return 'outdated';
  return again.is === 'refused' ? { error: again.error, refused } : null;
}

/** The record of the shard has changed. The batch is read again. */
const OUTDATED: ShardCommitResult = { status: 'outdated' };
