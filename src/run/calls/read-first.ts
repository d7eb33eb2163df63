import type { RunContext } from '../context/run-context.js';
import type { Listed, ListName } from '../record/listed-records.js';
import type { Run } from '../record/run-record.js';
import type { RunHandle } from './open-run.js';
import { BEGINNING, readListed } from './read-listed.js';
import { reasonOf } from './reason-of.js';

/** The first failures or differences of a run, as reports show them. */
export interface FirstItems<Name extends ListName> {
  readonly items: readonly Listed[Name][];
  /** Why the items could not be read. Empty if they could. */
  readonly warnings: readonly string[];
}

const MOST_ITEMS = 20;

/**
 * Never rejects. A call or a status must not fail because its first items cannot be read.
 * @param run the run, or a promise of it. The promise may reject.
 */
export async function readFirst<Name extends ListName>(
  name: Name,
  context: Pick<RunContext, 'repository'>,
  handle: Pick<RunHandle, 'calls'>,
  run: Run | Promise<Run>,
): Promise<FirstItems<Name>> {
  try {
    const { items } = await readListed(name, context, handle, await run, {
      from: BEGINNING,
      limit: MOST_ITEMS,
    });
    return { items, warnings: [] };
  } catch (error) {
    return { items: [], warnings: [`The first ${name} could not be read: ${reasonOf(error)}`] };
  }
}
