import type { MetadataValueErrorCode } from '../../errors.js';
import type { InstanceId } from '../../ports/repository.js';
import { addDifferences, type DifferenceCounts } from './difference-counts.js';

/**
 * The outcomes of one key. `written`, `kept`, `null`, `missing` and `failed` add up to the processed and failed
 * instances, unless another run has taken the key over.
 */
export interface KeyCounts {
  /** A value was written, by this walk of the run or an earlier one. */
  readonly written: number;
  /** A value was there already, or another writer came first. */
  readonly kept: number;
  /** The task data holds a JSON null. */
  readonly null: number;
  /** The task data has nothing at the path. */
  readonly missing: number;
  /** The task data could not be read, or the value could not be stored. */
  readonly failed: number;
  /** How many of the written values replaced another value. */
  readonly replaced: number;
  /** How many of `missing` and `null` have a stored value that the path no longer finds. Counted in the mode `overwrite`. */
  readonly orphaned: number;
  /** How many of the orphaned values were nulled or deleted, as `clear` asks. */
  readonly cleared: number;
  /** How many of the written values were cut to fit the column. */
  readonly truncated: number;
}

export const noCounts: KeyCounts = {
  written: 0,
  kept: 0,
  null: 0,
  missing: 0,
  failed: 0,
  replaced: 0,
  orphaned: 0,
  cleared: 0,
  truncated: 0,
};

/** Broken task data, a value that JSON cannot carry, one that the database refused, or an instance that is saved all the time. */
export type FailureCode =
  | 'TASK_DATA_UNREADABLE'
  | MetadataValueErrorCode
  | 'WRITE_REJECTED'
  | 'INSTANCE_BUSY';

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
  /** What a dry run has found, in the same order. Empty if it has found none, and in other runs. */
  readonly differences: readonly DifferenceCounts[];
}

export function emptyTally(keyCount: number): Tally {
  return {
    processed: 0,
    updated: 0,
    failed: 0,
    gone: 0,
    keys: Array(keyCount).fill(noCounts),
    differences: [],
  };
}

export function addTallies(a: Tally, b: Tally): Tally {
  return {
    processed: a.processed + b.processed,
    updated: a.updated + b.updated,
    failed: a.failed + b.failed,
    gone: a.gone + b.gone,
    keys: a.keys.map((counts, index) => addCounts(counts, b.keys[index])),
    differences: addDifferences(a.differences, b.differences),
  };
}

/**
 * The tally with which a shard begins its next walk. Values that earlier walks wrote stay counted as `written`. The next walk
 * counts them as kept again, so `kept` begins at minus their number. A dry run wrote nothing.
 */
export function tallyOfNextWalk({ updated, keys }: Tally, { dryRun }: { readonly dryRun: boolean }): Tally {
  if (dryRun) return emptyTally(keys.length);
  return {
    ...emptyTally(keys.length),
    updated,
    keys: keys.map(({ written, replaced, truncated, cleared }) => {
      return { ...noCounts, written, kept: -written, replaced, truncated, orphaned: cleared, cleared };
    }),
  };
}

/** The counts as people see them: a value that an earlier walk wrote counts as written once this walk has met it. */
export function shownCounts(counts: KeyCounts): KeyCounts {
  const written = counts.written + Math.min(0, counts.kept);
  const orphaned = Math.min(counts.orphaned, counts.null + counts.missing);
  return {
    ...counts,
    written,
    kept: Math.max(0, counts.kept),
    replaced: Math.min(counts.replaced, written),
    truncated: Math.min(counts.truncated, written),
    orphaned,
    cleared: Math.min(counts.cleared, orphaned),
  };
}

/** How many instances have their outcome. */
export function visited({ processed, failed, gone }: Pick<Tally, 'processed' | 'failed' | 'gone'>): number {
  return processed + failed + gone;
}

function addCounts(a: KeyCounts, b: KeyCounts = noCounts): KeyCounts {
  const sum: Record<keyof KeyCounts, number> = { ...a };
  for (const counter of Object.keys(noCounts) as (keyof KeyCounts)[]) sum[counter] = a[counter] + b[counter];
  return sum;
}
