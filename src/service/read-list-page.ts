import { RunError } from '../errors.js';
import { parseInput } from '../input/parse-input.js';
import type { RunHandle } from '../run/calls/open-run.js';
import { BEGINNING, type ListPlace, type ReadList, readListed } from '../run/calls/read-listed.js';
import type { RunContext } from '../run/context/run-context.js';
import type { ListName } from '../run/record/listed-records.js';
import type { Run, RunHeader } from '../run/record/run-record.js';
import { type ListPageOptions, listPageOptions } from './service-options.js';

export interface ListPage<Name extends ListName> {
  readonly items: ReadList<Name>['items'];
  /** The `after` of the next page. `null`: there is none. */
  readonly next: string | null;
}

/**
 * Reads one page of the failures or differences of a run. The token `after` names its walk, because each walk has a list of its
 * own: a page of another walk would repeat items and leave out others.
 * @throws {InvalidInputError} when `after` is no token, before any I/O.
 * @throws {RunError} RUN_STATE when the run has begun another walk since the page before, or lists no differences, because it is not
 *   a dry run.
 */
export async function readListPage<Name extends ListName>(
  name: Name,
  context: Pick<RunContext, 'repository'>,
  handle: Pick<RunHandle, 'calls' | 'load'>,
  options: ListPageOptions,
): Promise<ListPage<Name>> {
  const { after, limit = 1_000 } = parseInput(`${name} options`, listPageOptions, options);
  const run = await handle.load();
  if (name === 'differences' && !run.header.definition.dryRun) throw noVerification(run.header);
  const from = after == null ? BEGINNING : placeIn(run.header, after);
  const { items, next } = await readListed(name, context, handle, run, { from, limit });
  return { items, next: next === null ? null : tokenOf(run, next) };
}

/** An empty list would look like a verification that has found nothing. */
function noVerification({ runId }: RunHeader): RunError {
  const message = `Run ${runId} is not a dry run, so it lists no differences. Call verify with the same paths, then read the differences of the run that it returns.`;
  return new RunError('RUN_STATE', runId, message);
}

function tokenOf({ header }: Run, { shard, number, item }: ListPlace): string {
  return `${header.walk}_${shard}_${number}_${item}`;
}

function placeIn({ runId, walk }: RunHeader, token: string): ListPlace {
  const [ofWalk = 0, shard = 0, number = 0, item = 0] = token.split('_').map(Number);
  if (ofWalk === walk) return { shard, number, item };
  const message = `Run ${runId} has begun another walk since the page before this one was read. Read its list from the first page again.`;
  throw new RunError('RUN_STATE', runId, message);
}
