import type { CommitEvent, HistoryEvent, SeenInstance } from '../history.js';
import type { DifferencesView, FailuresView, HeaderView, ShardView } from '../read-record.js';
import type { JudgedCall, JudgedRun, Replay } from './judged-world.js';

/** What a commit has changed in the records of one run. */
export interface RunChange {
  readonly runId: string;
  /** The run before the commit. `null` if the commit has created it. */
  readonly run: JudgedRun | null;
  readonly header: HeaderChange | null;
  readonly shards: readonly ShardChange[];
  /** The records of failures that it has stored. */
  readonly failures: readonly FailuresView[];
  /** The records of differences. */
  readonly differences: readonly DifferencesView[];
}

export interface HeaderChange {
  /** `null` if the commit has created the run. */
  readonly before: HeaderView | null;
  readonly after: HeaderView;
}

export interface ShardChange {
  readonly before: ShardView | null;
  readonly after: ShardView;
  /** The commit is a freeze, or begins another walk. */
  readonly isOpened: boolean;
  /** The run has visited as many instances as its limit. */
  readonly isAtLimit: boolean;
}

export function visitedOf({ tally }: ShardView): number {
  return tally.processed + tally.failed + tally.gone;
}

/** Whether a commit begins another walk. */
export function isNextWalk({ header }: Pick<RunChange, 'header'>): boolean {
  return header !== null && header.before !== null && header.after.walk !== header.before.walk;
}

/** Whether a commit fixes the bound of a walk. */
export function isFreeze({ header }: Pick<RunChange, 'header'>): boolean {
  return header !== null && header.before?.total === null && header.after.total !== null;
}

export function isTrial({ definition }: Pick<HeaderView, 'definition'>): boolean {
  return definition.limit !== null || definition.instanceIds !== null;
}

/** Whether a run compares the values of all instances. */
export function isVerification({ definition }: Pick<HeaderView, 'definition'>): boolean {
  const { dryRun, clear, paths } = definition;
  return dryRun && clear && paths.every(({ mode }) => mode === 'overwrite') && !isTrial({ definition });
}

/** Whether a run owns its keys. A dry run does not even write them. */
export function ownsKeys({ definition }: Pick<HeaderView, 'definition'>): boolean {
  return !isTrial({ definition }) && !definition.dryRun;
}

/** What a rule needs to judge one event. */
export interface Judgement {
  readonly at: number;
  readonly world: Replay;
  /** What the event has changed, if it is a commit. */
  readonly changes: readonly RunChange[];
  /** Reports that an invariant does not hold. */
  broken(invariant: number, message: string): void;
}

/** What to check, by type of event. */
export type Rules = {
  readonly [Type in HistoryEvent['type']]?: (
    event: Extract<HistoryEvent, { readonly type: Type }>,
    judgement: Judgement,
  ) => void;
};

/** The headers that a commit has stored, each with the one before it. */
export function storedHeaders({ status }: CommitEvent, { changes }: Judgement): HeaderChange[] {
  return status === 'committed' ? changes.flatMap(({ header }) => header ?? []) : [];
}

/** Whether a time lies between the beginning of a call and its commit. */
export function isDuring(call: JudgedCall | undefined, { now }: CommitEvent, time: number): boolean {
  return time >= (call?.now ?? now) && time <= now;
}

/** Whether a commit moved a shard forward: it committed instances, or proved that none are left. */
export function isProgress(change: ShardChange): boolean {
  const { before, after, isOpened } = change;
  return hasMoved(change) || (before !== null && !isOpened && after.done && !before.done);
}

export function hasMoved({ before, after, isOpened }: ShardChange): boolean {
  if (before === null || isOpened) return false;
  return after.after !== before.after || JSON.stringify(after.behind) !== JSON.stringify(before.behind);
}

/** The instances of a commit that have their outcome by it. The others are left behind. */
export function settledBy(
  { instances }: CommitEvent,
  changes: readonly RunChange[],
): CommitEvent['instances'] {
  const behind = new Set(
    changes.flatMap(({ shards }) => shards.flatMap(({ after }) => after.behind.map(({ id }) => id))),
  );
  return instances.filter(({ id }) => !behind.has(id));
}

/**
 * The instances that a commit counts and does not contain. Its call has read them. They are filled, or the store has
 * refused them so often that they fail without being named.
 */
export function passedOver(
  { instances }: CommitEvent,
  { before, after, isOpened, isAtLimit }: ShardChange,
  call: JudgedCall | undefined,
): SeenInstance[] {
  if (before === null || call === undefined || isOpened) return [];
  const left = new Set(after.behind.map(({ id }) => id));
  const isReadAgain = (id: number): boolean => before.behind.some((one) => one.id === id) && !left.has(id);
  const given = new Set(instances.map(({ id }) => id));
  const [from, to] = [before.after ?? Number.NEGATIVE_INFINITY, after.after ?? Number.NEGATIVE_INFINITY];
  const reads = [...call.seen].flatMap(
    ([id, seen]) =>
      seen.find(({ instance }) => instance.isPassedOver) ?? (call.refused.has(id) ? seen.slice(0, 1) : []),
  );
  const passed = reads
    .map(({ instance }) => instance)
    .filter(({ id, cursor }) => ((cursor > from && cursor <= to) || isReadAgain(id)) && !given.has(id));
  if (!isAtLimit) return passed;
  // Of the last ones in a row, only the first few count.
  const settled = instances.filter(({ id }) => !left.has(id));
  const counted = visitedOf(after) - visitedOf(before) - settled.length;
  return passed.sort((a, b) => a.cursor - b.cursor).slice(0, counted);
}

/** Names a call and its process, for a message. */
export function whoOf(call: JudgedCall | undefined): string {
  return call === undefined ? 'an unknown call' : `${call.process} (${call.method})`;
}
