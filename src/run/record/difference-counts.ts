import type { JsonValue } from '../../extraction/json-value.js';
import type { InstanceId } from '../../ports/repository.js';

/**
 * `ABSENT`: the row is missing, which may be a null row. `DIFFERENT`: the row has another value, or null where the path finds a
 * value. `ORPHANED`: the row has a value, but the path finds nothing or null. A dry run of `remove` counts every row as `ORPHANED`.
 */
export type DifferenceCode = 'ABSENT' | 'DIFFERENT' | 'ORPHANED';

/** What a dry run would write to one key of an instance. */
export interface InstanceDifference {
  readonly instanceId: InstanceId;
  readonly key: string;
  readonly code: DifferenceCode;
  /** What is stored, and what would be, at most 200 characters each. `null`: no row, or a null row. Only with `differences: 'values'`. */
  readonly stored?: JsonValue;
  readonly expected?: JsonValue;
}

/** How many instances differ for one key. */
export interface DifferenceCounts {
  readonly absent: number;
  readonly different: number;
  readonly orphaned: number;
}

/** The maximum number of differences that each shard of a dry run lists, unless its request says otherwise. */
export const DEFAULT_LISTED_DIFFERENCES = 100_000;

export const noDifferences: DifferenceCounts = { absent: 0, different: 0, orphaned: 0 };

/** In the order of the keys. Empty if there is no difference. */
export function countDifferences(
  differences: readonly InstanceDifference[],
  keys: readonly string[],
): DifferenceCounts[] {
  if (differences.length === 0) return [];
  const counts = new Map(keys.map((key) => [key, { ...noDifferences }]));
  for (const { key, code } of differences) {
    const count = counts.get(key);
    if (count !== undefined) count[COUNTERS[code]] += 1;
  }
  return [...counts.values()];
}

/** Of all keys and kinds. */
export function sumOfDifferences(counts: readonly DifferenceCounts[]): number {
  return counts.reduce((sum, { absent, different, orphaned }) => sum + absent + different + orphaned, 0);
}

const COUNTERS = { ABSENT: 'absent', DIFFERENT: 'different', ORPHANED: 'orphaned' } as const;

export function addDifferences(
  a: readonly DifferenceCounts[],
  b: readonly DifferenceCounts[],
): readonly DifferenceCounts[] {
  const [long, short] = a.length < b.length ? [b, a] : [a, b];
  return long.map(({ absent, different, orphaned }, index) => {
    const other = short[index] ?? noDifferences;
    return {
      absent: absent + other.absent,
      different: different + other.different,
      orphaned: orphaned + other.orphaned,
    };
  });
}
