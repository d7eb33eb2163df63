import type { CommitEvent, HistoryEvent, SeenInstance } from '../history.js';
import type { HeaderView, ShardView } from '../read-record.js';
import type { JudgedCall, JudgedRun, Replay } from './judged-world.js';

/** What a commit has made of the records of one run. */
export interface RunChange {
  readonly runId: string;
  /** As it was before; `null` when the commit has created it. */
  readonly run: JudgedRun | null;
  readonly header: { readonly before: HeaderView | null; readonly after: HeaderView } | null;
  readonly shards: readonly ShardChange[];
}

export interface ShardChange {
  readonly before: ShardView | null;
  readonly after: ShardView;
}

/** One event, on the world as it was before. */
export interface Judgement {
  readonly at: number;
  readonly world: Replay;
  /** Of a commit. */
  readonly changes: readonly RunChange[];
  /** Notes that an invariant does not hold. */
  broken(invariant: number, message: string): void;
}

/** What to look at when something happens. */
export type Rules = {
  readonly [Type in HistoryEvent['type']]?: (
    event: Extract<HistoryEvent, { readonly type: Type }>,
    judgement: Judgement,
  ) => void;
};

/** Whether a commit moved a shard on: by instances that have their outcome now, or by the proof that none are left. */
export function isProgress(change: ShardChange): boolean {
  const { before, after } = change;
  return hasMoved(change) || (before !== null && after.done && !before.done && before.upTo !== null);
}

export function hasMoved({ before, after }: ShardChange): boolean {
  return before !== null && after.after !== before.after;
}

/** The instances that a commit counts without having been given them: its call has read them as complete. */
export function passedOver(
  { instances }: CommitEvent,
  { before, after }: ShardChange,
  call: JudgedCall | undefined,
): SeenInstance[] {
  if (before === null || call === undefined || before.after === after.after) return [];
  const given = new Set(instances.map(({ id }) => id));
  const [from, to] = [before.after ?? Number.NEGATIVE_INFINITY, after.after ?? Number.NEGATIVE_INFINITY];
  const readings = [...call.seen.values()].flatMap(
    (seen) => seen.find(({ instance }) => instance.isPassedOver) ?? [],
  );
  return readings
    .map(({ instance }) => instance)
    .filter(({ id, cursor }) => cursor > from && cursor <= to && !given.has(id));
}

/** A call and its process, for a message. */
export function whoOf(call: JudgedCall | undefined): string {
  return call === undefined ? 'somebody' : `${call.process} (${call.method})`;
}
