import { isDeepStrictEqual } from 'node:util';
import { libraryRecords, type OwnedKeyView } from '../read-record.js';
import { isActive, isComplete, type JudgedRun, type Replay } from './judged-world.js';
import { isVerification, type Judgement, type Rules } from './judgement.js';
import { countsOf, keyCountsOf } from './run-counts.js';

/**
 * 31. The columns that are returned are those of the owner record, in its order. Each shows where its key is read by now, the run
 *    that fills it as that is stored, and the active runs that write or verify it, newest first. It says whether the run that
 *    fills the key may have written since it was verified.
 */
export const columnRules: Rules = {
  return({ call: id, answer }, { world, broken }) {
    const call = world.calls.get(id);
    if (call?.method !== 'columns') return;
    const record = [...world.records.values()].find(libraryRecords.isOwners);
    const owned = record === undefined ? [] : libraryRecords.ownedKeys(record);
    const columns = answer as unknown as readonly ColumnView[];
    const [keys, expected] = [columns, owned].map((all) => all.map(({ key }) => key).join(', '));
    if (keys !== expected) return broken(31, `columns returned [${keys}] instead of [${expected}]`);
    for (const [index, one] of owned.entries()) judgeColumn({ world, broken }, one, columns[index]);
  },
};

type ColumnView = Readonly<Record<string, unknown>> & { readonly key: string };

function judgeColumn(
  { world, broken }: Pick<Judgement, 'world' | 'broken'>,
  owned: OwnedKeyView,
  column: ColumnView | undefined,
): void {
  const { duringFill, ...verified } = Object(column?.verified);
  const shown = { ...column, verified: column?.verified === null ? null : verified };
  const expected = expectedColumn(world, owned);
  for (const [name, value] of Object.entries(expected)) {
    const found = shown[name as keyof typeof shown];
    if (!isDeepStrictEqual(found, value))
      broken(
        31,
        `the column "${owned.key}" shows ${name} ${JSON.stringify(found)}, not ${JSON.stringify(value)}`,
      );
  }
  if (owned.verified != null) judgeDuringFill({ world, broken }, owned, owned.verified.runId, duringFill);
}

function expectedColumn(
  world: Replay,
  { key, filler: runId, tried, segments, verified }: OwnedKeyView,
): object {
  const filler = world.runs.get(runId ?? '');
  const { state, createdAt, endedAt, requestedBy, reason } = filler?.header ?? {};
  const { generation: _, filler: __, ...result } = verified ?? {};
  const active = activeRunsFor(world, key);
  const idsOf = (runs: readonly JudgedRun[]): string[] => runs.map((run) => run.runId);
  return {
    ...{ runId, state: state ?? null, path: segments, tried, removed: segments === null && runId !== null },
    mode: filler?.header.definition.paths.find((path) => path.key === key)?.mode ?? null,
    coverage: filler === undefined ? null : coverageOf(filler, key),
    requestedAt: createdAt ?? null,
    completedAt: isComplete(String(state)) ? endedAt : null,
    ...{ requestedBy: requestedBy ?? null, reason: reason ?? null },
    activeRunIds: idsOf(active.filter(({ header }) => !header.definition.dryRun)),
    verifyingRunIds: idsOf(active.filter(({ header }) => isVerification(header))),
    verified: verified == null ? null : result,
  };
}

function activeRunsFor({ runs }: Replay, key: string): readonly JudgedRun[] {
  return [...runs.values()]
    .filter(({ header }) => isActive(header.state) && !header.droppedKeys.includes(key))
    .filter(({ header }) => header.definition.paths.some((path) => path.key === key))
    .sort((a, b) => (a.runId < b.runId ? 1 : -1));
}

function coverageOf({ header, shards }: JudgedRun, key: string): object {
  const counts = keyCountsOf(header, shards.values(), key);
  const covered = isComplete(header.state) && header.settled !== false && counts.failed === 0;
  return { ...counts, total: countsOf(header, shards.values()).total, covered };
}

/** If the fill ended between the request of the verification and the beginning of its last walk, both answers are accepted. */
function judgeDuringFill(
  { world, broken }: Pick<Judgement, 'world' | 'broken'>,
  { key, filler: runId }: OwnedKeyView,
  verifiedBy: string,
  duringFill: unknown,
): void {
  const [filler, verification] = [world.runs.get(runId ?? ''), world.runs.get(verifiedBy)];
  if (verification === undefined) return;
  const isUnfinished = filler !== undefined && isActive(filler.header.state);
  const hasWritten = filler?.progress.some(({ at }) => at > verification.walkBegunAt) === true;
  if (duringFill !== true && (isUnfinished || hasWritten))
    broken(31, `"${key}" is not said to have been verified during its fill`);
  if (duringFill !== false && !isUnfinished && (filler?.changedAt ?? -1) < verification.createdAt)
    broken(31, `"${key}" is said to have been verified during its fill, which had ended`);
}
