import type { RunContext } from '../context/run-context.js';
import { type Listed, type ListName, listIn, listRunId, nextGroup } from '../record/listed-records.js';
import type { Run, RunShard } from '../record/run-record.js';
import type { RunHandle } from './open-run.js';
import { loadRecords } from './run-records.js';

/** The first item to read: the number of its record within the shard, and its place within that record. */
export interface ListPlace {
  readonly shard: number;
  readonly number: number;
  readonly item: number;
}

export interface ReadList<Name extends ListName> {
  readonly items: readonly Listed[Name][];
  /** Where to go on. `null`: there are no more. */
  readonly next: ListPlace | null;
}

/**
 * Reads failures or differences of the last walk of a run, from a place on, up to `limit` of them. Skips records that somebody has
 * deleted.
 */
export async function readListed<Name extends ListName>(
  name: Name,
  context: Pick<RunContext, 'repository'>,
  { calls }: Pick<RunHandle, 'calls'>,
  run: Run,
  { from, limit }: { readonly from: ListPlace; readonly limit: number },
): Promise<ReadList<Name>> {
  const { runId } = run.header;
  const items: Listed[Name][] = [];
  let place = firstPlace(name, run, from);
  while (place !== null && items.length < limit) {
    const { shard, number: first }: ListPlace = place;
    const end = Math.min(nextGroup(first), recordsIn(name, run.shards[shard]).to);
    const records = await loadRecords(context, listRunId(name, runId, shard, first), { calls });
    const stored = records
      .map((record) => listIn(name, record))
      .filter(({ number }) => number >= first && number < end)
      .sort((a, b) => a.number - b.number);
    let next: ListPlace = { shard, number: end, item: 0 };
    for (const { number, items: all } of stored) {
      const item = number === first ? place.item : 0;
      const some = all.slice(item, item + limit - items.length);
      items.push(...some);
      if (items.length < limit) continue;
      const isWhole = item + some.length >= all.length;
      next = { shard, ...(isWhole ? { number: number + 1, item: 0 } : { number, item: item + some.length }) };
      break;
    }
    place = firstPlace(name, run, next);
  }
  return { items, next: place };
}

export const BEGINNING: ListPlace = { shard: 0, number: 0, item: 0 };

/** The first record from there on. `null`: there is none. */
function firstPlace(name: ListName, { shards }: Run, from: ListPlace): ListPlace | null {
  for (const shard of shards) {
    const { index } = shard;
    if (index < from.shard) continue;
    const records = recordsIn(name, shard);
    const number = Math.max(records.from, index === from.shard ? from.number : 0);
    const isSame = index === from.shard && number === from.number;
    if (number < records.to) return { shard: index, number, item: isSame ? from.item : 0 };
  }
  return null;
}

/** The records of this walk: the number of the first one, and the number behind the last one. */
function recordsIn(
  name: ListName,
  shard: RunShard | undefined,
): { readonly from: number; readonly to: number } {
  if (shard === undefined) return { from: 0, to: 0 };
  return name === 'failures'
    ? { from: shard.failuresFrom, to: shard.failureRecords }
    : { from: shard.differencesFrom, to: shard.differenceRecords };
}
