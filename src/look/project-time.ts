import type { Cursor, InstanceRange } from '../ports/repository.js';
import { createBreather } from '../run/context/create-breather.js';
import type { RunContext } from '../run/context/run-context.js';
import type { BatchSizer } from '../run/job/batch-size.js';
import { pagePaths, type ReadPath } from '../run/job/page-paths.js';
import type { InstanceInspector } from './inspect-instance.js';
import { readPagesOf } from './read-pages-of.js';
import { spread } from './spread.js';

/** How many pages to time. One alone says little: its documents may have been in no cache. */
const TIMED_PAGES = 5;

/**
 * Estimates the milliseconds to read all instances, from pages as large as those of a run.
 * @param starts cursors of sampled instances, in ascending order. `null`: the beginning.
 */
export async function timePages(
  context: RunContext,
  range: Omit<InstanceRange, 'after'>,
  options: {
    readonly paths: readonly ReadPath[];
    readonly starts: readonly (Cursor | null)[];
    readonly total: number;
    readonly sizer: BatchSizer;
    readonly inspect: InstanceInspector;
  },
): Promise<number> {
  const { paths, starts, total, sizer, inspect } = options;
  if (paths.length === 0) return 0;
  const msEach: number[] = [];
  for (const after of spread(starts, TIMED_PAGES)) {
    for await (const { snapshots, tookMs } of readPagesOf(
      context,
      { ...range, after },
      pagePaths(paths),
      sizer,
    )) {
      const startedAt = context.runtime.now();
      const breathe = createBreather(context);
      for (const snapshot of snapshots) {
        inspect(snapshot);
        await breathe();
      }
      msEach.push((tookMs + context.runtime.now() - startedAt) / snapshots.length);
      break;
    }
  }
  return total * median(msEach);
}

/**
 * The low end is the time of reading, because a run commits while it reads. The high end is twice that time, plus a fifth of the
 * time of reading for each row that is written per instance: with 20 keys on PostgreSQL, runs took up to six times as long as reading.
 */
export function projectMs(
  readMs: number,
  options: {
    readonly total: number;
    readonly rowsPerInstance: number;
    readonly maxInstancesPerSecond: number | null;
  },
): readonly [low: number, high: number] {
  const { total, rowsPerInstance, maxInstancesPerSecond } = options;
  const leastMs = maxInstancesPerSecond === null ? 0 : (1_000 * total) / maxInstancesPerSecond;
  return [
    Math.round(Math.max(leastMs, readMs)),
    Math.round(Math.max(leastMs, (2 + rowsPerInstance / 5) * readMs)),
  ];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [below = 0, above = 0] =
    sorted.length % 2 === 1 ? [sorted[middle], sorted[middle]] : sorted.slice(middle - 1);
  return (below + above) / 2;
}
