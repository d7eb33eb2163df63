import { setImmediate } from 'node:timers/promises';
import type { InstanceId, PageEntry } from '../../ports/repository.js';
import { isFilled } from '../calls/page-entries.js';
import type { RunContext } from '../context/run-context.js';
import type { DroppedKey } from '../record/run-record.js';
import type { ShardCommitResult } from './commit-to-shard.js';
import { compilePlanner, type InstancePlanner, leftAlone, type PlannedEntry } from './plan-instance.js';
import type { ShardSession } from './shard-session.js';

const REREADS = 3;
/** The documents of a page are parsed one after another. Between two of them, others get their turn. */
const LONGEST_BLOCK_MS = 20;

export interface BatchPlanner {
  /** Leaves the event loop free between documents. */
  plan(page: readonly PageEntry[]): Promise<PlannedEntry[]>;
  learn(result: ShardCommitResult): void;
}

/** Plans pages. Leaves an instance to its live writer once the writer has saved it after each of several reads. */
export function planBatches({ repository, runtime }: RunContext, session: ShardSession): BatchPlanner {
  const { paths, missing, clear } = session.run.header.definition;
  const formatValue = repository.formatValue?.bind(repository);
  const leave = new Set<InstanceId>();
  let rereads = 0;
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
          droppedKeys: dropped,
          ...(formatValue === undefined ? {} : { formatValue }),
        };
        planner = { droppedKeys, plan: compilePlanner(rules) };
      }
      const { plan } = planner;
      const entries: PlannedEntry[] = [];
      for (let [index, since] = [0, runtime.now()]; index < page.length; index += 1) {
        const entry = page[index] as PageEntry;
        const planned = plan(entry);
        entries.push(!isFilled(entry) && leave.has(entry.id) ? leftAlone(planned, entry.id) : planned);
        if (runtime.now() - since < LONGEST_BLOCK_MS) continue;
        await setImmediate();
        since = runtime.now();
      }
      return entries;
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
