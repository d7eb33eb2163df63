import { setImmediate } from 'node:timers/promises';
import type { PageEntry } from '../../ports/repository.js';
import type { RunContext } from '../context/run-context.js';
import type { DroppedKey } from '../record/run-record.js';
import { readPathsOf } from './page-paths.js';
import { compilePlanner, type InstancePlanner, type PlannedEntry } from './plan-instance.js';
import type { ShardSession } from './shard-session.js';

/** The documents of a page are parsed one after another. Between two of them, others get their turn. */
const LONGEST_BLOCK_MS = 20;

export interface BatchPlanner {
  /** Leaves the event loop free between documents. */
  plan(page: readonly PageEntry[]): Promise<PlannedEntry[]>;
}

/** Plans pages, by the keys that the run still writes. */
export function planBatches({ repository, runtime }: RunContext, session: ShardSession): BatchPlanner {
  const { missing, clear } = session.run.header.definition;
  const paths = readPathsOf(session.run.header);
  const formatValue = repository.formatValue?.bind(repository);
  let planner: { readonly droppedKeys: readonly DroppedKey[]; readonly plan: InstancePlanner } | null = null;
  return {
    async plan(page) {
      const { droppedKeys } = session.run.header;
      if (planner?.droppedKeys !== droppedKeys) {
        const dropped = droppedKeys.map(({ key }) => key);
        const rules = {
          paths,
          missing,
          clear,
          deletes: repository.deletes ?? false,
          droppedKeys: dropped,
          ...(formatValue === undefined ? {} : { formatValue }),
        };
        planner = { droppedKeys, plan: compilePlanner(rules) };
      }
      const { plan } = planner;
      const entries: PlannedEntry[] = [];
      for (let [index, since] = [0, runtime.now()]; index < page.length; index += 1) {
        entries.push(plan(page[index] as PageEntry));
        if (runtime.now() - since < LONGEST_BLOCK_MS) continue;
        await setImmediate();
        since = runtime.now();
      }
      return entries;
    },
  };
}
