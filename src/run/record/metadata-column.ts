import type { BackfillMode } from '../../ports/repository.js';
import { isVerification } from './certify-keys.js';
import type { KeyVerification, OwnedKey, StoredVerification } from './owner-record.js';
import { NOBODY, type Requester, type Run, type RunHeader, tallyOf, totalOf } from './run-record.js';
import { isComplete, type RunState } from './run-state.js';
import { type KeyCounts, noCounts } from './tally.js';

/**
 * One key of a model, and what the run that fills it has done. Times are milliseconds since the epoch. What comes from the run
 * is `null` if nobody fills the key, or if the records of the run were deleted.
 */
export interface MetadataColumn extends Requester {
  readonly key: string;
  /** The path of the key. Pass it to requests unchanged. `null`: it was removed from the model, or only runs over some instances have read it. */
  readonly path: readonly string[] | null;
  /** The last run requested to fill or remove the key for the whole model. `null`: none since its path changed. */
  readonly runId: string | null;
  readonly state: RunState | null;
  readonly mode: BackfillMode | null;
  readonly coverage: ColumnCoverage | null;
  readonly requestedAt: number | null;
  /** Also `null` until the run has completed. */
  readonly completedAt: number | null;
  /** Whether the run deletes the rows of the key. They are gone once it has completed. */
  readonly removed: boolean;
  /**
   * Whether a run with `limit` or `instanceIds` has read the key from another path since. Until the key is requested for the whole
   * model or reads another path, some rows may hold such values.
   */
  readonly tried: boolean;
  /** All active runs that write the key, also those with `limit` or `instanceIds`. Newest first. */
  readonly activeRunIds: readonly string[];
  /** Active verifications of the whole model that compare the key. Newest first. */
  readonly verifyingRunIds: readonly string[];
  /**
   * The result of the last verification of all instances. `null`: there is none, or since then somebody has requested the key
   * for the whole model, removed it or tried it from another path. It does not cover what live instances have saved after `since`.
   * If one verification was requested before another one had ended, and they disagree, the worse result counts.
   */
  readonly verified: KeyVerification | null;
}

/** The outcomes of one key in the last walk of the run that fills it, so far. */
export interface ColumnCoverage extends KeyCounts {
  /** How many instances the walk covers. Always the whole model: a run over some instances never becomes `runId`. */
  readonly total: number;
  /** Whether the run has completed, no transaction was still open that might insert instances, and no instance failed for this key. */
  readonly covered: boolean;
}

/**
 * @param filler the run that fills the key. `null`: there is none, or it cannot be read.
 * @param active the runs of the model that have not ended. `headers` lacks those that cannot be read.
 */
export function columnOf(
  owned: OwnedKey,
  filler: Run | null,
  active: { readonly runIds: readonly string[]; readonly headers: readonly RunHeader[] },
): MetadataColumn {
  const { key, segments, filler: runId, tried, verified } = owned;
  const { state = null, createdAt = null, endedAt = null, requestedBy, reason } = filler?.header ?? NO_HEADER;
  const about = active.headers.filter((header) => names(header, key));
  return {
    key,
    path: segments,
    runId,
    state,
    mode: filler?.header.definition.paths.find((path) => path.key === key)?.mode ?? null,
    coverage: filler === null ? null : coverageOf(filler, key),
    requestedAt: createdAt,
    completedAt: state !== null && isComplete(state) ? endedAt : null,
    requestedBy,
    reason,
    removed: segments === null && runId !== null,
    tried,
    activeRunIds: idsOf(about.filter(({ definition }) => !definition.dryRun)),
    verifyingRunIds: idsOf(about.filter(({ definition }) => isVerification(definition))),
    verified: verified === null ? null : shown(verified, filler, active.runIds),
  };
}

function shown(
  { generation: _, filler: runId, ...verification }: StoredVerification,
  filler: Run | null,
  activeRunIds: readonly string[],
): KeyVerification {
  const { state, endedAt } = filler?.header ?? NO_HEADER;
  const hadEnded =
    state === undefined
      ? !activeRunIds.includes(runId ?? '') // its records were deleted, or one of them cannot be read
      : endedAt != null && endedAt <= verification.since;
  return { ...verification, duringFill: !hadEnded };
}

const NO_HEADER: Requester & Partial<Pick<RunHeader, 'state' | 'createdAt' | 'endedAt'>> = NOBODY;

function coverageOf(run: Run, key: string): ColumnCoverage {
  const { state, definition, settled } = run.header;
  const counts = tallyOf(run).keys[definition.paths.findIndex((path) => path.key === key)] ?? noCounts;
  return {
    ...counts,
    total: totalOf(run),
    covered: isComplete(state) && settled !== false && counts.failed === 0,
  };
}

function idsOf(headers: readonly RunHeader[]): string[] {
  return headers.map(({ runId }) => runId);
}

function names({ definition, droppedKeys }: RunHeader, key: string): boolean {
  return definition.paths.some((path) => path.key === key) && !droppedKeys.some((gone) => gone.key === key);
}
