import type { FilledInstances, InstanceSnapshot, PageEntry } from '../../ports/repository.js';

export function isFilled(entry: PageEntry): entry is FilledInstances {
  return (entry as Partial<FilledInstances>).filled !== undefined;
}

export function snapshotsOf(page: readonly PageEntry[]): readonly InstanceSnapshot[] {
  return page.filter((entry): entry is InstanceSnapshot => !isFilled(entry));
}

/** How many instances a page is about. */
export function countInstances(page: readonly PageEntry[]): number {
  return page.reduce((count, entry) => count + (isFilled(entry) ? entry.filled : 1), 0);
}

/** What comes before the snapshot that is one too many. */
export function cutPage(page: readonly PageEntry[], limit: number): readonly PageEntry[] {
  let snapshots = 0;
  const end = page.findIndex((entry) => {
    if (!isFilled(entry)) snapshots += 1;
    return snapshots > limit;
  });
  return end === -1 ? page : page.slice(0, end);
}
