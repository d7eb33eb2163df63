import type { InstanceId, PageEntry } from '../../ports/repository.js';
import { isComplete } from '../access/page-entries.js';
import type { Worker } from '../worker.js';
import { compilePlanner, type InstancePlanner, leftAlone, type PlannedEntry } from './plan-instance.js';
import type { ShardSession, StepResult } from './shard-session.js';

const REREADS = 3;

export interface BatchPlanner {
  plan(page: readonly PageEntry[]): PlannedEntry[];
  learn(result: StepResult): void;
}

/** Plans pages; leaves an instance alone once its live writer has been faster than every reading of it. */
export function planBatches({ repository }: Worker, session: ShardSession): BatchPlanner {
  const { paths, missing } = session.run.header.definition;
  const formatValue = repository.formatValue?.bind(repository);
  const leave = new Set<InstanceId>();
  let rereads = 0;
  let planner: { readonly dropped: readonly string[]; readonly plan: InstancePlanner } | null = null;
  return {
    plan(page) {
      const { dropped } = session.run.header;
      if (planner?.dropped !== dropped) {
        const rules = { paths, missing, dropped, ...(formatValue === undefined ? {} : { formatValue }) };
        planner = { dropped, plan: compilePlanner(rules) };
      }
      const { plan } = planner;
      return page.map((entry) => {
        const planned = plan(entry);
        return !isComplete(entry) && leave.has(entry.id) ? leftAlone(planned, entry.id) : planned;
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
