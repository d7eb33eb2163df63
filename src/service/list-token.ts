import type { ListPlace } from '../run/calls/read-listed.js';
import type { ListName } from '../run/record/listed-records.js';
import type { RunHeader } from '../run/record/run-record.js';

/** The place where a page begins, and the walk whose list it belongs to. */
export interface TokenPlace extends ListPlace {
  readonly walk: number;
}

/** The token names run, list, walk and place. It needs no escaping in a URL. */
export function listToken(
  name: ListName,
  { runId, walk }: Pick<RunHeader, 'runId' | 'walk'>,
  { shard, number, item }: ListPlace,
): string {
  return `${runId}_${name}_${walk}_${shard}_${number}_${item}`;
}

/** `null`: it is no token, or one of another run or list. */
export function placeIn(name: ListName, runId: string, token: string): TokenPlace | null {
  const list = `${runId}_${name}_`;
  const place = token.slice(list.length);
  if (!token.startsWith(list) || !PLACE.test(place)) return null;
  const [walk = 0, shard = 0, number = 0, item = 0] = place.split('_').map(Number);
  return { walk, shard, number, item };
}

const PLACE = /^\d{1,15}_\d{1,3}_\d{1,15}_\d{1,15}$/;
