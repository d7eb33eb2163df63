import type { CompleteInstances, InstanceSnapshot, PageEntry } from '../../ports/repository.js';

export function isComplete(entry: PageEntry): entry is CompleteInstances {
  return (entry as Partial<CompleteInstances>).complete !== undefined;
}

export function snapshotsOf(page: readonly PageEntry[]): readonly InstanceSnapshot[] {
  return page.filter((entry): entry is InstanceSnapshot => !isComplete(entry));
}

/** How many instances a page is about. */
export function countInstances(page: readonly PageEntry[]): number {
  return page.reduce((count, entry) => count + (isComplete(entry) ? entry.complete : 1), 0);
}

/** What comes before the snapshot that is one too many. */
export function cutPage(page: readonly PageEntry[], limit: number): readonly PageEntry[] {
  let snapshots = 0;
  const end = page.findIndex((entry) => {
    if (!isComplete(entry)) snapshots += 1;
    return snapshots > limit;
  });
  return end === -1 ? page : page.slice(0, end);
}
