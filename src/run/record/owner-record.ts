import { createHash } from 'node:crypto';
import type { RunRecord } from '../../ports/repository.js';
import type { DifferenceCounts } from './difference-counts.js';
import { isCount, isListOf, isText } from './record-problem.js';
import { decode, encode } from './run-record.js';
import type { Verdict } from './verdict.js';

/** Which run fills each key of a model, and from which path. One record per model, which is never deleted. */
export interface OwnerRecord {
  readonly processModelId: string;
  /** `null` while it is not stored. */
  readonly revision: string | null;
  readonly keys: readonly OwnedKey[];
  /** Runs with `limit` or `instanceIds` that had not ended when last looked at. They own no key. */
  readonly trials: readonly string[];
}

/** Earlier versions stored no `trials`, and no `verified`. */
type OwnerContent = Partial<Pick<OwnerRecord, 'trials'>> & {
  readonly keys: readonly (Omit<OwnedKey, 'verified'> & Partial<Pick<OwnedKey, 'verified'>>)[];
};

export interface OwnedKey {
  readonly key: string;
  /** Grows when the key gets another path. A run with an earlier generation of the key no longer writes it. */
  readonly generation: number;
  /** Where the key is read. `null`: nowhere, because it was removed from the model or has only been tried. */
  readonly segments: readonly string[] | null;
  /** The run that fills it. `null`: none since its path has changed. */
  readonly filler: string | null;
  /** Paths of earlier runs that never completed. Some rows may hold values from them. */
  readonly formerPaths: readonly (readonly string[])[];
  /** Whether a run over some of the instances has read it from another path since its path was last set or requested for the whole model. */
  readonly tried: boolean;
  /** What the last verification has found, if it still holds (see certify-keys). `null`: there is none. */
  readonly verified: StoredVerification | null;
}

/** Includes the generation and the filler that the key had at that time. */
export interface StoredVerification
  extends Omit<KeyVerification, 'duringFill'>,
    Pick<OwnedKey, 'generation' | 'filler'> {}

/** What a verification of the whole model has found under one key. */
export interface KeyVerification extends DifferenceCounts {
  readonly runId: string;
  /** When its first walk began, in milliseconds since the epoch. What was saved since then may not be in it. */
  readonly since: number;
  /** When it ended, in milliseconds since the epoch. */
  readonly at: number;
  /** The verdict of this key alone. `unknown` if no difference was found, but not every instance was compared, or there is none. */
  readonly verdict: Verdict;
  readonly total: number;
  /**
   * Whether the run that fills the key had not ended when the verification began. That run may since have filled what differed, so
   * verify again. Both times are those of the workers' clocks. Other runs that write the key do not count: wait until `activeRunIds`
   * is empty. Also `false` if the run has ended, but its records were deleted or cannot be read.
   */
  readonly duringFill: boolean;
}

/** A model whose keys nobody has requested yet. */
export function noOwners(processModelId: string): OwnerRecord {
  return { processModelId, revision: null, keys: [], trials: [] };
}

/**
 * Takes the place of a run id, so that one `loadRun` returns the record. It sorts before all run ids: repositories lock records
 * by id, so concurrent requests for one model wait for each other here and cannot deadlock.
 */
export function ownersRunId(processModelId: string): string {
  return `00${createHash('sha256').update(processModelId).digest('hex').slice(0, 23)}`;
}

/** Differs from its run id, so that `findRuns` does not show the record. */
export function ownersRecordId(processModelId: string): string {
  return `${ownersRunId(processModelId)}_keys`;
}

export function ownersRecord({ processModelId, keys, trials }: OwnerRecord, revision: string): RunRecord {
  return {
    id: ownersRecordId(processModelId),
    runId: ownersRunId(processModelId),
    processModelId,
    revision,
    activeKey: null,
    content: encode({ keys, trials }),
  };
}

/** @throws {RunError} RUN_FORMAT when another version of the library wrote the record, or it is damaged. */
export function ownersFrom(record: RunRecord): OwnerRecord {
  const { processModelId, revision } = record;
  const { keys, trials = [] } = decode<OwnerContent>(record, ownersProblem);
  const all = keys.map(({ verified = null, ...owned }) => ({
    ...owned,
    verified: verified !== null && isOf(verified, owned) ? verified : null,
  }));
  return { keys: all, trials, processModelId, revision };
}

/** Earlier versions do not delete `verified` when a run takes the key over. */
function isOf(
  verified: StoredVerification,
  { generation, filler, tried }: Omit<OwnedKey, 'verified'>,
): boolean {
  return verified.generation === generation && verified.filler === filler && !tried;
}

function ownersProblem(content: object): string | null {
  const { keys, trials = [] } = content as Readonly<Record<string, unknown>>;
  if (!isListOf(keys, isOwnedKey)) return 'keys';
  return isListOf(trials, isText) ? null : 'trials';
}

function isOwnedKey(value: unknown): boolean {
  const { key, generation, segments, filler, formerPaths, tried, verified = null } = Object(value) as Members;
  const isPath = (path: unknown): boolean => isListOf(path, isText);
  return (
    isText(key) &&
    isCount(generation) &&
    (segments === null || isPath(segments)) &&
    (filler === null || isText(filler)) &&
    typeof tried === 'boolean' &&
    isListOf(formerPaths, isPath) &&
    (verified === null || isStoredVerification(verified))
  );
}

function isStoredVerification(value: unknown): boolean {
  const { runId, verdict, since, at, absent, different, orphaned, total } = Object(value) as Members;
  return isText(runId) && isText(verdict) && [since, at, absent, different, orphaned, total].every(isCount);
}

type Members = Readonly<Record<string, unknown>>;
