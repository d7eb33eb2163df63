import type { PageEntry } from '../../ports/repository.js';
import { createBreather } from '../context/create-breather.js';
import type { RunContext } from '../context/run-context.js';
import type { DroppedKey } from '../record/run-record.js';
import { readPathsOf } from './page-paths.js';
import { planDifferences } from './plan-differences.js';
import { compilePlanner, type InstancePlanner, type PlannedEntry } from './plan-instance.js';
import type { ShardSession } from './shard-session.js';

export interface BatchPlanner {
  /** Leaves the event loop free between documents. */
  plan(page: readonly PageEntry[]): Promise<PlannedEntry[]>;
}

/** Plans pages, by the keys that the run still writes. */
export function planBatches(context: RunContext, session: ShardSession): BatchPlanner {
  const { repository } = context;
  const { definition } = session.run.header;
  const { missing, clear, dryRun } = definition;
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
          storesAnyText: repository.storesAnyText,
          ...(formatValue === undefined ? {} : { formatValue }),
        };
        const plan = compilePlanner(rules);
        planner = {
          droppedKeys,
          plan: dryRun ? (entry) => planDifferences(entry, plan(entry), definition) : plan,
        };
      }
      const { plan } = planner;
      const entries: PlannedEntry[] = [];
      const breathe = createBreather(context);
      for (const entry of page) {
        entries.push(plan(entry));
        const turn = breathe();
        if (turn !== null) await turn;
      }
      return entries;
    },
  };
}
