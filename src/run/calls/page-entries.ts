import type { FilledInstances, InstanceSnapshot, PageEntry } from '../../ports/repository.js';

export function isFilled(entry: PageEntry): entry is FilledInstances {
  return (entry as Partial<FilledInstances>).filled !== undefined;
}

export function snapshotsOf(page: readonly PageEntry[]): readonly InstanceSnapshot[] {
  return page.filter((entry): entry is InstanceSnapshot => !isFilled(entry));
}

/** How many instances a page stands for, filled ones included. */
export function countInstances(page: readonly PageEntry[]): number {
  return page.reduce((count, entry) => count + (isFilled(entry) ? entry.filled : 1), 0);
}

/**
 * The first `room` instances of a page. An entry of filled instances in which they end counts only the instances up to there,
 * because no cursor in between is known.
 */
export function firstInstances(page: readonly PageEntry[], room: number): readonly PageEntry[] {
  const entries: PageEntry[] = [];
  let left = room;
  for (const entry of page) {
    if (left <= 0) break;
    entries.push(isFilled(entry) ? { ...entry, filled: Math.min(entry.filled, left) } : entry);
    left -= isFilled(entry) ? entry.filled : 1;
  }
  return entries;
}

/** The page up to its `limit`-th snapshot, with the filled instances before the next one. */
export function cutPage(page: readonly PageEntry[], limit: number): readonly PageEntry[] {
  let snapshots = 0;
  const end = page.findIndex((entry) => {
    if (!isFilled(entry)) snapshots += 1;
    return snapshots > limit;
  });
  return end === -1 ? page : page.slice(0, end);
}
