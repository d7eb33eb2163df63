import type { Run } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';
import type { RunChange } from './run-change.js';

/** The most of a run. More look like a fault of the database, such as a missing partition. */
export const MOST_UNPROVEN = 5;

/** Notes that some instances are about to fail at the end of a shard. `null`: they would be too many, or the run has ended. */
export function countUnproven({ header }: Run, instances: number): RunChange | null {
  const unproven = (header.unproven ?? 0) + instances;
  if (unproven > MOST_UNPROVEN || !isWorkable(header.state)) return null;
  return { header: { ...header, unproven } };
}
