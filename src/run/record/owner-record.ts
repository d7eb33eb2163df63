import { createHash } from 'node:crypto';
import type { RunRecord } from '../../ports/repository.js';
import { isCount, isListOf, isText } from './record-problem.js';
import { decode, encode } from './run-record.js';

/** Which run fills each key of a model, and from which path. One record per model, which is never deleted. */
export interface OwnerRecord {
  readonly processModelId: string;
  /** `null` while it is not stored. */
  readonly revision: string | null;
  readonly keys: readonly OwnedKey[];
  /** Runs with `limit` or `instanceIds` that had not ended when last looked at. They own no key. */
  readonly trials: readonly string[];
}

/** The first version stored no `trials`. */
type OwnerContent = Pick<OwnerRecord, 'keys'> & Partial<Pick<OwnerRecord, 'trials'>>;

export interface OwnedKey {
  readonly key: string;
  /** Grows when the key gets another path. A run with an earlier generation of the key no longer writes it. */
  readonly generation: number;
  /** Where the key is read. `null`: nowhere, because it was removed from the model or has only been tried. */
  readonly segments: readonly string[] | null;
  /** The run that fills it. `null`: none since its path has changed. */
  readonly filler: string | null;
  /** The paths of runs that have not completed since the key was last filled. Some rows may be from there. */
  readonly formerPaths: readonly (readonly string[])[];
  /** Whether a run over some of the instances has read it from another path since. */
  readonly tried: boolean;
}

/** A model whose keys nobody has requested yet. */
export function noOwners(processModelId: string): OwnerRecord {
  return { processModelId, revision: null, keys: [], trials: [] };
}

/**
 * Takes the place of a run id, so that one `loadRun` returns the record. It sorts before all run ids: repositories lock records
 * by id, so requests for one model wait for each other here, and not in a circle.
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
  return { keys, trials, processModelId, revision };
}

function ownersProblem(content: object): string | null {
  const { keys, trials = [] } = content as Readonly<Record<string, unknown>>;
  if (!isListOf(keys, isOwnedKey)) return 'keys';
  return isListOf(trials, isText) ? null : 'trials';
}

function isOwnedKey(value: unknown): boolean {
  const { key, generation, segments, formerPaths } = Object(value) as Readonly<Record<string, unknown>>;
  const isPath = (path: unknown): boolean => isListOf(path, isText);
  return (
    isText(key) &&
    isCount(generation) &&
    (segments === null || isPath(segments)) &&
    isListOf(formerPaths, isPath)
  );
}
