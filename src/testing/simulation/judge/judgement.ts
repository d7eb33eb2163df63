import type { CommitEvent, HistoryEvent } from '../history.js';
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
export function isProgress(event: CommitEvent, { before, after }: ShardChange): boolean {
  return (
    before !== null && (event.instances.length > 0 || (after.done && !before.done && before.upTo !== null))
  );
}

/** A call and its process, for a message. */
export function whoOf(call: JudgedCall | undefined): string {
  return call === undefined ? 'somebody' : `${call.process} (${call.method})`;
}
