import type { Cursor, PageEntry } from '../../ports/repository.js';
import { countInstances, firstInstances, snapshotsOf } from '../calls/page-entries.js';
import type { BatchSizer } from './batch-size.js';
import type { BatchPlanner } from './plan-batches.js';
import { hasValues, type PlannedEntry } from './plan-instance.js';
import { readLeftBehind } from './read-left-behind.js';
import type { PageReader } from './read-pages.js';
import type { ShardSession } from './shard-session.js';

/** What is to be committed next, in one batch or, after a refusal, in parts. Of the documents, only values and failures are left. */
export interface Batch {
  readonly entries: readonly PlannedEntry[];
  /** How many instances pages after the checkpoint have shown. */
  readonly shown: number;
}

/** After this many instances, the search for some that get values ends. */
const LONGEST_SEARCH = 10_000;

export interface BatchSource {
  readonly pages: PageReader;
  readonly planner: BatchPlanner;
  readonly sizer: BatchSizer;
  /** How many instances may still be visited, beside those that were left behind. */
  readonly room: number;
  /** How many instances that get values the batch must have, if there are so many. */
  readonly fewestWithValues: number;
  readsAhead(): boolean;
}

/**
 * Reads and plans the instances after the checkpoint: one page, or several where the documents may be large, so that no
 * page holds too much. Right before their commit it reads those again that were left behind.
 * @returns `null` when the first page is empty, and nobody was left behind.
 */
export async function readBatch(session: ShardSession, source: BatchSource): Promise<Batch | null> {
  const { entries, shown } = await readOn(session.shard.after, source);
  const again = await readLeftBehind(session, source, { isAlone: entries.length === 0 });
  return entries.length + again.length === 0 ? null : { entries: [...again, ...entries], shown };
}

async function readOn(
  after: Cursor | null,
  { pages, planner, sizer, room, fewestWithValues, readsAhead }: BatchSource,
): Promise<Batch> {
  const entries: PlannedEntry[] = [];
  let last = after;
  let [instances, shown, bytes] = [0, 0, 0];
  while (instances < room) {
    const left = room - instances;
    const isSearch = shown >= sizer.size;
    const wanted = Math.min(isSearch ? sizer.searchSize : sizer.size - shown, left);
    const limit = Math.min(wanted, isSearch ? sizer.searchSize : sizer.pageSize);
    const page: readonly PageEntry[] = firstInstances(await pages.next(last, limit), left);
    const snapshots = snapshotsOf(page);
    last = page.at(-1)?.cursor ?? last;
    if (page.length === 0 || last === null) break;
    const counted = countInstances(page);
    bytes += await sizer.see(snapshots, counted);
    shown += snapshots.length;
    instances += counted;
    // Filled instances alone make a batch, too: otherwise no checkpoint would be stored for a long time. Before a leap, what is
    // there is committed: if the page is too large for the memory, the next delivery begins right before it, with small pages.
    const isLast = instances >= room;
    const isWhole =
      isLast ||
      limit >= wanted ||
      shown >= sizer.size ||
      snapshots.length === 0 ||
      2 * bytes >= sizer.maxBytes ||
      sizer.isLeap(Math.min(sizer.size - shown, sizer.pageSize));
    const next = Math.min(sizer.pageSize, room - instances);
    if (isWhole && !isLast && !sizer.isLeap(next) && readsAhead()) pages.readAhead(last, next);
    entries.push(...(await planner.plan(page)));
    const isFound = entries.filter(hasValues).length >= fewestWithValues;
    if (isWhole && (isFound || instances >= Math.max(LONGEST_SEARCH, sizer.size))) break;
  }
  return { entries, shown };
}
