import type { Run, Unproven } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';
import type { RunChange } from './run-change.js';

/** The most of a walk. More look like a fault of the database, such as a missing partition. */
export const MOST_UNPROVEN = 5;

/**
 * Notes that some instances are about to fail at the end of a shard. A second try of the same shard counts in place of the first.
 * `null`: they are noted already, they would be too many, or the shard has moved on.
 */
export function countUnproven({ header, shards }: Run, added: Unproven): RunChange | null {
  if (!isWorkable(header.state) || shards[added.shard]?.commits !== added.commits) return null;
  if (isCounted(header, added)) return null;
  const others = (header.unproven ?? []).filter((one) => !isSameTry(one, added));
  const sum = others.reduce((total, { instances }) => total + instances, added.instances);
  return sum > MOST_UNPROVEN ? null : { header: { ...header, unproven: [...others, added] } };
}

export function isCounted({ unproven }: Run['header'], added: Unproven): boolean {
  return (unproven ?? []).some((one) => isSameTry(one, added) && one.instances === added.instances);
}

function isSameTry(a: Unproven, b: Unproven): boolean {
  return a.shard === b.shard && a.commits === b.commits;
}
