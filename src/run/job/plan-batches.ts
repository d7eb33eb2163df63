import type { InstanceId, PageEntry } from '../../ports/repository.js';
import { isFilled } from '../calls/page-entries.js';
import type { RunContext } from '../context/run-context.js';
import type { ShardCommitResult } from './commit-to-shard.js';
import { compilePlanner, type InstancePlanner, leftAlone, type PlannedEntry } from './plan-instance.js';
import type { ShardSession } from './shard-session.js';

const REREADS = 3;

export interface BatchPlanner {
  plan(page: readonly PageEntry[]): PlannedEntry[];
  learn(result: ShardCommitResult): void;
}

/** Plans pages. Leaves an instance to its live writer once the writer has saved it after each of several reads. */
export function planBatches({ repository }: RunContext, session: ShardSession): BatchPlanner {
  const { paths, missing, clear } = session.run.header.definition;
  const formatValue = repository.formatValue?.bind(repository);
  const leave = new Set<InstanceId>();
  let rereads = 0;
  let planner: { readonly droppedKeys: readonly string[]; readonly plan: InstancePlanner } | null = null;
  return {
    plan(page) {
      const { droppedKeys } = session.run.header;
      if (planner?.droppedKeys !== droppedKeys) {
        const rules = {
          paths,
          missing,
          clear,
          droppedKeys,
          ...(formatValue === undefined ? {} : { formatValue }),
        };
        planner = { droppedKeys, plan: compilePlanner(rules) };
      }
      const { plan } = planner;
      return page.map((entry) => {
        const planned = plan(entry);
        return !isFilled(entry) && leave.has(entry.id) ? leftAlone(planned, entry.id) : planned;
      });
    },
    learn(result) {
      if (result.status === 'stale') {
        rereads += 1;
        if (rereads >= REREADS) for (const id of result.instanceIds) leave.add(id);
      } else {
        leave.clear();
        rereads = 0;
      }
    },
  };
}
