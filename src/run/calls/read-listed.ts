import { isBackfillError } from '../../errors.js';
import type { RunContext } from '../context/run-context.js';
import type { LoggedRun } from '../context/run-log.js';
import { type Listed, type ListName, listIn, listRunId, nextGroup } from '../record/listed-records.js';
import type { Run, RunShard } from '../record/run-record.js';
import type { RunHandle } from './open-run.js';
import { reasonOf } from './reason-of.js';
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

const SAMPLE = 20;

/**
 * The first 20, as reports show them. If a record is damaged, it logs a warning and returns none.
 * @param options.isDone whether the run has done what the call was for: then a fault of the repository does not reject it, either.
 */
export async function firstListed<Name extends ListName>(
  name: Name,
  context: RunContext,
  handle: Pick<RunHandle, 'calls'>,
  { about, load, isDone }: FirstOf,
): Promise<readonly Listed[Name][]> {
  try {
    const run = await load();
    const { items } = await readListed(name, context, handle, run, { from: BEGINNING, limit: SAMPLE });
    return items;
  } catch (error) {
    const isLeftOut =
      isBackfillError(error, 'RUN_FORMAT') || (isDone && isBackfillError(error, 'PORT_FAILED'));
    if (!isLeftOut) throw error;
    context.log.warned(about, `The first ${name} could not be read: ${reasonOf(error)}`);
    return [];
  }
}

interface FirstOf {
  readonly about: LoggedRun;
  load(): Promise<Run>;
  readonly isDone: boolean;
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
