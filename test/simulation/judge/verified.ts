import { isDeepStrictEqual } from 'node:util';
import type { CommitEvent } from '../history.js';
import { type HeaderView, libraryRecords, type OwnedKeyView } from '../read-record.js';
import { readFrom, touchedKeys } from './judged-keys.js';
import { isComplete, isWorkable, type JudgedRun, type Replay } from './judged-world.js';
import { isTrial, type Judgement, type Rules, type RunChange } from './judgement.js';

/**
 * 31. A key is verified by the commit that completes a verification of all instances, exactly if nobody has requested, removed or
 *    tried it since that verification was requested. Verdict and counts are those of its last walk. The key stays verified until
 *    somebody requests, removes or tries it. The columns that are returned are those of the owner record, without results other
 *    than `equal` from before the last commit of the run that fills the key.
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
      const run = world.runs.get(filler ?? '') ?? null;
      const state = run?.header.state ?? null;
      const isShown = verified !== null && !isOutdated(verified, run);
      return { key, runId: filler, state, verified: isShown ? shown(verified) : null };
    });
    const columns = (answer as readonly (typeof expected)[number][]).map(
      ({ key, runId, state, verified }) => ({ key, runId, state, verified }),
    );
    if (!isDeepStrictEqual(columns, expected))
      broken(31, `columns returned ${JSON.stringify(columns)} in place of ${JSON.stringify(expected)}`);
  },
};

type Verified = NonNullable<OwnedKeyView['verified']>;

/** The run that fills the key has written since, so what was different may be so no longer. */
function isOutdated({ verdict, since }: Verified, filler: JudgedRun | null): boolean {
  if (filler === null || verdict === 'equal') return false;
  const commits = [...filler.shards.values()].filter((shard) => shard.commits > 0);
  return isWorkable(filler.header.state) || commits.some(({ progressAt }) => progressAt > since);
}

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
    const isNewest = was === null || was.since <= (header?.after.startedAt ?? 0);
    const mayVerify = run !== null && isNewest && isEligible(world, run, key);
    if (mayVerify && verified?.runId !== run.runId)
      broken(31, `"${key}" was verified, but is not so recorded`);
    if (!mayVerify && verified?.runId === run?.runId)
      broken(31, `"${key}" is verified, although somebody has requested, removed or tried it since`);
    if (verified !== null && header !== null && run !== null && verified.runId === run.runId)
      judgeFindings(run, header.after, key, verified, broken);
  }
  const isOwn = verifications.some(({ runId }) => runId === verified?.runId);
  if (verified !== null && !isOwn && !isDeepStrictEqual(verified, was))
    broken(31, `"${key}" is verified by a commit that completes no verification of it`);
}

function isEligible({ owners, touches }: Replay, run: JudgedRun, key: string): boolean {
  const path = run.header.definition.paths.find((one) => one.key === key);
  const [owner, touch] = [owners.get(key), touches.get(key)];
  if (path === undefined || owner === undefined || touch === undefined) return false;
  const isSince = touch.at > run.claimedAt || touch.at > run.frozenAt;
  return isDeepStrictEqual(owner.segments, readFrom(path)) && !isSince && !touch.tried;
}

function judgeFindings(
  { differing, failed, shards }: JudgedRun,
  { total, settled }: HeaderView,
  key: string,
  verified: Verified,
  broken: Judgement['broken'],
): void {
  const codes = [...differing.values()].flat().flatMap((one) => (one.key === key ? [one.code] : []));
  const count = (code: string): number => codes.filter((one) => one === code).length;
  const sum = (name: 'processed' | 'failed' | 'gone'): number =>
    [...shards.values()].reduce((all, { tally }) => all + tally[name], 0);
  const visited = sum('processed') + sum('failed') + sum('gone');
  const all = Math.max(total ?? 0, visited);
  const hasFailed = [...failed.values()].flat().some((one) => one.key === null || one.key === key);
  const hasSeenAll = settled !== false && !hasFailed && sum('gone') === 0 && visited === all && visited > 0;
  const expected = {
    verdict: codes.length > 0 ? 'different' : hasSeenAll ? 'equal' : 'unknown',
    absent: count('ABSENT'),
    different: count('DIFFERENT'),
    orphaned: count('ORPHANED'),
    total: all,
  };
  const { verdict, absent, different, orphaned } = verified;
  const found = { verdict, absent, different, orphaned, total: verified.total };
  if (!isDeepStrictEqual(found, expected))
    broken(31, `"${key}" is verified as ${JSON.stringify(found)}, not as ${JSON.stringify(expected)}`);
}
