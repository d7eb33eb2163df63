import { isDeepStrictEqual } from 'node:util';
import type { CommitEvent } from '../history.js';
import {
  type DifferenceCountsView,
  type HeaderView,
  libraryRecords,
  type OwnedKeyView,
} from '../read-record.js';
import { readFrom, touchedKeys } from './judged-keys.js';
import { isComplete, type JudgedRun, type Replay } from './judged-world.js';
import { isTrial, type Judgement, type Rules, type RunChange } from './judgement.js';

/**
 * 31. A key is verified by the commit that completes a verification of all instances, if and only if nobody has requested, removed or
 *    tried it since that verification was requested. Verdict and counts are those of its last walk. If two verifications overlap
 *    and disagree, the worse verdict counts (`different`, then `unknown`, then `equal`). The key stays verified until somebody requests, removes or tries it. The
 *    columns that are returned are those of the owner record. They say whether the run that fills the key may have written since.
 */
export const verifiedRules: Rules = {
  commit(event, judgement) {
    if (event.status !== 'committed') return;
    const record = event.records.find(libraryRecords.isOwners);
    const verifications = judgement.changes.filter(isEndOfVerification);
    if (record === undefined) {
      if (verifications.length > 0) judgement.broken(31, 'a verification ended without the owner record');
      return;
    }
    const stored = judgement.world.records.get(record.id);
    const before = stored === undefined ? [] : libraryRecords.ownedKeys(stored);
    for (const owned of libraryRecords.ownedKeys(record))
      judgeKey(event, judgement, verifications, { owned, was: verifiedOf(before, owned.key) });
  },

  return({ call: id, answer }, { world, broken }) {
    if (world.calls.get(id)?.method !== 'columns') return;
    const record = [...world.records.values()].find(libraryRecords.isOwners);
    const owned = record === undefined ? [] : libraryRecords.ownedKeys(record);
    const expected = owned.map(({ key, filler, verified = null }) => {
      const state = world.runs.get(filler ?? '')?.header.state ?? null;
      return { key, runId: filler, state, verified: verified === null ? null : shown(verified) };
    });
    const columns = (answer as unknown as readonly ColumnView[]).map(({ key, runId, state, verified }) => {
      const { duringFill, ...found } = verified ?? {};
      if (verified !== null) judgeDuringFill({ world, broken }, { key, runId, verified });
      return { key, runId, state, verified: verified === null ? null : found };
    });
    if (!isDeepStrictEqual(columns, expected))
      broken(31, `columns returned ${JSON.stringify(columns)} instead of ${JSON.stringify(expected)}`);
  },
};

interface ColumnView {
  readonly key: string;
  readonly runId: string | null;
  readonly state: string | null;
  readonly verified: (Verified & { readonly duringFill: boolean }) | null;
}

/** If the fill ended between the request of the verification and the beginning of its last walk, both answers are accepted. */
function judgeDuringFill(
  { world, broken }: Pick<Judgement, 'world' | 'broken'>,
  { key, runId, verified }: Pick<ColumnView, 'key' | 'runId'> & { readonly verified: ColumnVerification },
): void {
  const [filler, verification] = [world.runs.get(runId ?? ''), world.runs.get(verified.runId)];
  if (verification === undefined) return;
  const isUnfinished = filler !== undefined && !ENDED.includes(filler.header.state);
  const hasWritten = filler?.progress.some(({ at }) => at > verification.walkBegunAt) === true;
  if (!verified.duringFill && (isUnfinished || hasWritten))
    broken(31, `"${key}" is not said to have been verified during its fill`);
  if (verified.duringFill && !isUnfinished && (filler?.changedAt ?? -1) < verification.createdAt)
    broken(31, `"${key}" is said to have been verified during its fill, which had ended`);
}

const ENDED: readonly string[] = ['completed', 'completed_with_failures', 'failed', 'cancelled'];

type ColumnVerification = NonNullable<ColumnView['verified']>;

type Verified = NonNullable<OwnedKeyView['verified']>;

function shown({ generation: _, filler: __, ...verification }: Verified): object {
  return verification;
}

function verifiedOf(keys: readonly OwnedKeyView[], key: string): Verified | null {
  return keys.find((owned) => owned.key === key)?.verified ?? null;
}

function isEndOfVerification({ header }: RunChange): boolean {
  if (header === null || header.before === null || isComplete(header.before.state)) return false;
  const { dryRun, clear, paths } = header.after.definition;
  const compares = dryRun && clear && paths.every(({ mode }) => mode === 'overwrite');
  return compares && isComplete(header.after.state) && !isTrial(header.after);
}

function judgeKey(
  event: CommitEvent,
  { world, changes, broken }: Judgement,
  verifications: readonly RunChange[],
  { owned, was }: { readonly owned: OwnedKeyView; readonly was: Verified | null },
): void {
  const { key, verified = null } = owned;
  const isTouched = touchedKeys(event, changes, world.calls.get(event.call), world.owners).has(key);
  if (verified !== null && isTouched)
    broken(31, `"${key}" stays verified, although somebody requests, removes or tries it`);
  if (verified === null && was !== null && !isTouched) broken(31, `"${key}" is not verified any more`);
  for (const { run, header } of verifications) {
    if (run === null || header === null) continue;
    const found = findingsOf(run, header.after, key);
    const mayVerify = isEligible(world, run, key) && !isOutweighed(world, run, found, was);
    if (mayVerify && verified?.runId !== run.runId)
      broken(31, `"${key}" was verified, but is not so recorded`);
    if (!mayVerify && verified?.runId === run.runId)
      broken(
        31,
        `"${key}" is verified, although somebody has taken or tried it since, or another result counts`,
      );
    if (verified?.runId === run.runId) judgeFindings(key, verified, found, broken);
  }
  const isOwn = verifications.some(({ runId }) => runId === verified?.runId);
  if (verified !== null && !isOwn && !isDeepStrictEqual(verified, was))
    broken(31, `"${key}" is verified by a commit that completes no verification of it`);
}

/**
 * Whether the earlier result must stay: it is worse, and was not stored yet when this verification was requested.
 */
function isOutweighed({ runs }: Replay, run: JudgedRun, found: Findings, was: Verified | null): boolean {
  if (was === null || VERDICTS.indexOf(was.verdict) <= VERDICTS.indexOf(found.verdict)) return false;
  return (runs.get(was.runId)?.changedAt ?? -1) > run.claimedAt;
}

const VERDICTS: readonly string[] = ['equal', 'unknown', 'different'];

function isEligible({ owners, touches }: Replay, run: JudgedRun, key: string): boolean {
  const path = run.header.definition.paths.find((one) => one.key === key);
  const [owner, touch] = [owners.get(key), touches.get(key)];
  if (path === undefined || owner === undefined || touch === undefined) return false;
  const isSince = touch.at > run.claimedAt || touch.at > run.frozenAt;
  return isDeepStrictEqual(owner.segments, readFrom(path)) && !isSince && !touch.tried;
}

interface Findings extends DifferenceCountsView {
  readonly verdict: string;
  readonly total: number;
}

function findingsOf(
  { failed, shards }: JudgedRun,
  { total, settled, definition }: HeaderView,
  key: string,
): Findings {
  const index = definition.paths.findIndex((path) => path.key === key);
  const count = (name: keyof DifferenceCountsView): number =>
    [...shards.values()].reduce((all, { tally }) => all + (tally.differences[index]?.[name] ?? 0), 0);
  const sum = (name: 'processed' | 'failed' | 'gone'): number =>
    [...shards.values()].reduce((all, { tally }) => all + tally[name], 0);
  const visited = sum('processed') + sum('failed') + sum('gone');
  const all = Math.max(total ?? 0, visited);
  const hasFailed = [...failed.values()].flat().some((one) => one.key === null || one.key === key);
  const hasSeenAll = settled !== false && !hasFailed && sum('gone') === 0 && visited === all && visited > 0;
  const [absent, different, orphaned] = [count('absent'), count('different'), count('orphaned')];
  return {
    verdict: absent + different + orphaned > 0 ? 'different' : hasSeenAll ? 'equal' : 'unknown',
    ...{ absent, different, orphaned, total: all },
  };
}

function judgeFindings(
  key: string,
  verified: Verified,
  expected: Findings,
  broken: Judgement['broken'],
): void {
  const found = {
    ...{ verdict: verified.verdict, absent: verified.absent, different: verified.different },
    ...{ orphaned: verified.orphaned, total: verified.total },
  };
  if (!isDeepStrictEqual(found, expected))
    broken(31, `"${key}" is verified as ${JSON.stringify(found)}, not as ${JSON.stringify(expected)}`);
}
