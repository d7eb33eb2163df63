import type { Cursor, InstanceId } from '../../ports/repository.js';
import type { BatchSizer } from './batch-size.js';
import type { BatchPlanner } from './plan-batches.js';
import type { PlannedEntry } from './plan-instance.js';
import type { PageReader } from './read-pages.js';
import type { ShardSession } from './shard-session.js';

/**
 * Reads and plans the instances again that were left behind, by their ids. Each of them gets an entry, in the order of the
 * walk: one that is not found may be gone, which only the commit can tell.
 * @param isAlone whether nothing else is left of the shard. Then it waits before, longer each time.
 */
export async function readLeftBehind(
  session: ShardSession,
  source: { readonly pages: PageReader; readonly planner: BatchPlanner; readonly sizer: BatchSizer },
  { isAlone }: { readonly isAlone: boolean },
): Promise<PlannedEntry[]> {
  const { pages, planner, sizer } = source;
  const { behind, after: checkpoint } = session.shard;
  if (checkpoint === null || behind.length === 0) return [];
  const tries = Math.max(...behind.map((left) => left.tries));
  if (isAlone && tries > 0) await session.handle.calls.pause(tries);

  const ids = behind.map(({ id }) => id);
  const planned = new Map<InstanceId, PlannedEntry>();
  let after: Cursor | null = null;
  while (planned.size < ids.length) {
    const page = await pages.again(ids, after, Math.min(ids.length - planned.size, sizer.pageSize));
    if (page.length === 0) break;
    await sizer.see(page);
    const entries = await planner.plan(page);
    for (const [index, { id, cursor }] of page.entries()) {
      after = cursor;
      planned.set(id, entries[index] as PlannedEntry);
    }
  }
  return Promise.all(
    behind.map(async ({ id, tries: before }): Promise<PlannedEntry> => {
      const found = planned.get(id);
      const reread = { id, tries: before + 1, isFound: found !== undefined };
      return { ...(found ?? (await planUnfound(id, checkpoint, planner))), reread };
    }),
  );
}

/** Writes nothing. The commit only finds out whether it is gone. */
async function planUnfound(id: InstanceId, cursor: Cursor, planner: BatchPlanner): Promise<PlannedEntry> {
  const [planned] = await planner.plan([{ id, cursor, data: { form: 'none' }, stored: new Map() }]);
  return { ...(planned as PlannedEntry), writes: { id, values: [] } };
}
