import { isDeepStrictEqual } from 'node:util';
import type { CommitEvent } from '../history.js';
import { type HeaderView, libraryRecords, type OwnedKeyView } from '../read-record.js';
import { readFrom, touchedKeys } from './judged-keys.js';
import { isComplete, type JudgedRun, type Replay } from './judged-world.js';
import { isVerification, type Judgement, type Rules, type RunChange } from './judgement.js';
import { countsOf, differenceCountsOf, verdictOf } from './run-counts.js';

/**
 * 31. A key is verified by the commit that completes a verification of all instances, if and only if nobody has requested, removed or
 *    tried it since that verification was requested. Verdict and counts are those of its last walk. If two verifications overlap
 *    and disagree, the worse verdict counts (`different`, then `unknown`, then `equal`). The key stays verified until somebody requests, removes or tries it. It
 *    is verified since the first walk of the verification began. What columns say of it: {@link columnRules}.
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
};

type Verified = NonNullable<OwnedKeyView['verified']>;

function verifiedOf(keys: readonly OwnedKeyView[], key: string): Verified | null {
  return keys.find((owned) => owned.key === key)?.verified ?? null;
}

function isEndOfVerification({ header }: RunChange): boolean {
  if (header === null || header.before === null || isComplete(header.before.state)) return false;
  return isComplete(header.after.state) && isVerification(header.after);
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

type Findings = Pick<Verified, (typeof FOUND)[number]>;

const FOUND = ['since', 'at', 'verdict', 'absent', 'different', 'orphaned', 'total'] as const;

function findingsOf(run: JudgedRun, header: HeaderView, key: string): Findings {
  const shards = [...run.shards.values()];
  return {
    since: header.startedAt ?? 0,
    at: header.endedAt ?? 0,
    verdict: verdictOf(run, header, [key]),
    ...differenceCountsOf(header, shards, key),
    total: countsOf(header, shards).total,
  };
}

function judgeFindings(
  key: string,
  verified: Verified,
  expected: Findings,
  broken: Judgement['broken'],
): void {
  const found = Object.fromEntries(FOUND.map((name) => [name, verified[name]]));
  if (!isDeepStrictEqual(found, expected))
    broken(31, `"${key}" is verified as ${JSON.stringify(found)}, not as ${JSON.stringify(expected)}`);
}
