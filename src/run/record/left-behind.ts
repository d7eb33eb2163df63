import type { InstanceId } from '../../ports/repository.js';

/** An instance that was saved between its read and its commit. It is read again by its id, and has no outcome yet. */
export interface LeftBehind {
  readonly id: InstanceId;
  /** How often it has been read again in vain. */
  readonly tries: number;
}

/** The most that a shard leaves behind. A commit that would leave more behind is refused, and is split. */
export const MOST_LEFT_BEHIND = 100;
/** An instance that is saved after each of so many reads of its own fails. */
export const MOST_REREADS = 5;

/**
 * The instances that are left behind after a commit.
 * @param named the ids that were read again for it.
 * @param left the instances that it leaves behind, perhaps again.
 */
export function behindAfter(
  before: readonly LeftBehind[],
  named: ReadonlySet<InstanceId>,
  left: readonly LeftBehind[],
): LeftBehind[] {
  const again = new Map(left.map((one) => [one.id, one]));
  const old = before.flatMap((one) => (named.has(one.id) ? (again.get(one.id) ?? []) : [one]));
  return [...old, ...left.filter(({ id }) => !named.has(id))];
}
