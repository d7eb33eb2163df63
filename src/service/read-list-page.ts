import { RunError } from '../errors.js';
import { parseInput } from '../input/parse-input.js';
import type { RunHandle } from '../run/calls/open-run.js';
import { BEGINNING, type ListPlace, type ReadList, readListed } from '../run/calls/read-listed.js';
import type { RunContext } from '../run/context/run-context.js';
import type { ListName } from '../run/record/listed-records.js';
import type { RunHeader } from '../run/record/run-record.js';
import { listToken, placeIn } from './list-token.js';
import { type ListPageOptions, listPageOptions } from './service-options.js';

export interface ListPage<Name extends ListName> {
  readonly items: ReadList<Name>['items'];
  /** The `after` of the next page. `null`: there is none. */
  readonly next: string | null;
}

/**
 * Reads one page of the failures or differences of a run. The token `after` also names the walk, because each walk has a list of its
 * own: a page of another walk would repeat items and leave out others.
 * @throws {InvalidInputError} when `after` is no token, or one of another run or list, before any I/O.
 * @throws {RunError} RUN_NOT_FOUND when there is no such run. RUN_STATE when the run has begun another walk since the
 *   page before, or is not a dry run and so lists no differences.
 */
export async function readListPage<Name extends ListName>(
  name: Name,
  context: Pick<RunContext, 'repository'>,
  handle: Pick<RunHandle, 'runId' | 'calls' | 'load'>,
  options: ListPageOptions,
): Promise<ListPage<Name>> {
  const schema = listPageOptions(name, handle.runId);
  const { after, limit = 1_000 } = parseInput(`${name} options`, schema, options);
  const run = await handle.load();
  if (name === 'differences' && !run.header.definition.dryRun) throw noVerification(run.header);
  const from = after == null ? BEGINNING : startAt(name, run.header, after);
  const { items, next } = await readListed(name, context, handle, run, { from, limit });
  return { items, next: next === null ? null : listToken(name, run.header, next) };
}

/** An empty list would look like a verification that has found nothing. */
function noVerification({ runId }: RunHeader): RunError {
  const message = `Run ${runId} is not a dry run, so it lists no differences. Call verify with the same paths, then read the differences of the run that it returns.`;
  return new RunError('RUN_STATE', runId, message);
}

/** @throws {RunError} RUN_STATE when the token is of another walk. */
function startAt(name: ListName, { runId, walk }: RunHeader, token: string): ListPlace {
  const place = placeIn(name, runId, token);
  if (place?.walk === walk) return place;
  const message = `Run ${runId} has begun another walk since the page before this one was read. Read its list from the first page again.`;
  throw new RunError('RUN_STATE', runId, message);
}
