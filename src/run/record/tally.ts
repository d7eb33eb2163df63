import type { MetadataValueErrorCode } from '../../errors.js';
import type { InstanceId } from '../../ports/repository.js';

/** The outcomes of one key in the processed instances. `written`, `kept`, `null` and `missing` add up to them. */
export interface KeyCounts {
  /** A value was written. */
  readonly written: number;
  /** A value was there already, or another writer came first. */
  readonly kept: number;
  /** The task data holds a JSON null. */
  readonly null: number;
  /** The task data has nothing at the path. */
  readonly missing: number;
  /** How many of the written values were cut to fit the column. */
  readonly truncated: number;
}

/** Broken task data, a value that JSON cannot carry, or one that the database refused. */
export type FailureCode = 'TASK_DATA_UNREADABLE' | MetadataValueErrorCode | 'WRITE_REJECTED';

export interface InstanceFailure {
  readonly instanceId: InstanceId;
  /** The key at fault. `null` when no single key is. */
  readonly key: string | null;
  readonly code: FailureCode;
  readonly reason: string;
}

/** The outcomes of a shard so far. `keys` is in the order of the definition's paths. */
export interface Tally {
  readonly processed: number;
  readonly updated: number;
  readonly failed: number;
  readonly gone: number;
  readonly keys: readonly KeyCounts[];
  /** The first 20. */
  readonly failures: readonly InstanceFailure[];
}

const FAILURE_SAMPLE = 20;

export function emptyTally(keyCount: number): Tally {
  const none: KeyCounts = {
    written: 0,
    kept: 0,
    null: 0,
    missing: 0,
    truncated: 0,
  };
  return {
    processed: 0,
    updated: 0,
    failed: 0,
    gone: 0,
    keys: Array(keyCount).fill(none),
    failures: [],
  };
}

export function addTallies(a: Tally, b: Tally): Tally {
  return {
    processed: a.processed + b.processed,
    updated: a.updated + b.updated,
    failed: a.failed + b.failed,
    gone: a.gone + b.gone,
    keys: a.keys.map((counts, index) => addCounts(counts, b.keys[index])),
    failures: [...a.failures, ...b.failures].slice(0, FAILURE_SAMPLE),
  };
}

/** How many instances have their outcome. */
export function visited(tally: Tally): number {
  return tally.processed + tally.failed + tally.gone;
}

function addCounts(a: KeyCounts, b: KeyCounts | undefined): KeyCounts {
  if (b === undefined) return a;
  return {
    written: a.written + b.written,
    kept: a.kept + b.kept,
    null: a.null + b.null,
    missing: a.missing + b.missing,
    truncated: a.truncated + b.truncated,
  };
}
