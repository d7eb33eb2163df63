import type { RunRecord } from '../../../src/ports/repository.js';
import type { CallMethod, Row, SeenInstance, StoreRules, TaskState } from '../history.js';
import type { HeaderView, ShardView } from '../read-record.js';

/** An instance as it is stored. */
export interface JudgedInstance {
  readonly id: number;
  readonly processModelId: string;
  readonly cursor: number;
  /** When its transaction began, and when it was committed. */
  readonly begunAt: number;
  readonly insertedAt: number;
  running: boolean;
  task: TaskState;
  readonly rows: Map<string, Row>;
}

/** A run as its records describe it, and the outcomes of its instances. */
export interface JudgedRun {
  readonly runId: string;
  readonly processModelId: string;
  header: HeaderView;
  readonly shards: Map<number, ShardView>;
  /** Of this walk. `unknown`: passed over, then deleted before the commit. The outcome depends on which read the job used. */
  readonly outcomes: Map<number, 'visited' | 'gone' | 'unknown'>;
  /** The instances left behind: how often they were read again by their ids, and how often that did not show them. */
  readonly behind: Map<number, { readonly reads: number; readonly misses: number }>;

  // Times are indices of `history.events`.

  /** When its request was made, and when a request first returned it. */
  requestedAt: number | null;
  answeredAt: number | null;
  /** When the last equal request was made that joined it, and that it covers. */
  joinedAt: number;
  /** When the survey was made with which this walk was frozen. */
  frozenAt: number;
  /** When it was last resumed. */
  resumedAt: number;
  /** When its header last changed, and by which call. */
  changedAt: number;
  changedBy: number;
  /** When its last shard was done. */
  allDoneAt: number;
  /** Whether it has ever failed. Then a newer request does not have to take its keys. */
  hasFailed: boolean;
  /** How many instances had failed when it was last resumed. `null` if it never was. */
  forgivenFailures: number | null;
  completions: number;
  /** The commits that moved a shard forward. */
  readonly progress: { readonly at: number; readonly call: number; readonly shard: number }[];
  /**
   * By job: which call allotted its step, and when. `isFollowing`: the shard had a step before, in the same walk.
   */
  readonly allotted: Map<
    string,
    { readonly at: number; readonly call: number; readonly isFollowing: boolean }
  >;
}

/** A call of the library. */
export interface JudgedCall {
  readonly id: number;
  readonly process: string;
  readonly method: CallMethod;
  readonly argument: Readonly<Record<string, unknown>>;
  readonly startedAt: number;
  readonly now: number;
  endedAt: number | null;
  isAborted: boolean;
  /** All that it read about each instance, the newest read first. It may act on any of these reads. */
  readonly seen: Map<number, readonly { readonly at: number; readonly instance: SeenInstance }[]>;
  /** The committed step of the job's shard when the call began. `null` if the call is no job. */
  readonly committedStep: number | null;
  /** Instances that the store refused in a commit of their own, and when. */
  readonly refused: Map<number, { readonly at: number; readonly keys: ReadonlySet<string> }>;
  /** When it last surveyed the instances from the first on. */
  surveyedAt: number;
  /** How many of its commits failed, and how many ended as a conflict. */
  commitFaults: number;
  conflicts: number;
  /** The jobs whose steps it has allotted, and the jobs that it has enqueued. */
  readonly allotted: Set<string>;
  readonly enqueued: Set<string>;
}

/** The world before the event that is being judged. */
export interface Replay {
  readonly rules: StoreRules;
  readonly instances: ReadonlyMap<number, JudgedInstance>;
  readonly records: ReadonlyMap<string, RunRecord>;
  /** All that a record ever had. */
  readonly revisions: Set<string>;
  readonly runs: ReadonlyMap<string, JudgedRun>;
  readonly calls: ReadonlyMap<number, JudgedCall>;
  /** By run: when its first job began. That may be before its records are stored. */
  readonly begunAt: ReadonlyMap<string, number>;
  /** By long transaction: when it began. */
  readonly transactionsBegunAt: ReadonlyMap<number, number>;
  /** All jobs that the queue got. */
  readonly enqueued: ReadonlySet<string>;
}

export function failuresOf(shards: Iterable<ShardView>): number {
  return [...shards].reduce((sum, { tally }) => sum + tally.failed, 0);
}

export function areDone({ shards }: JudgedRun): boolean {
  return shards.size > 0 && [...shards.values()].every(({ done }) => done);
}

/** Identifies a job within its run. */
export function jobKey(shard: number, step: number): string {
  return `${shard}_${step}`;
}

export function isWorkable(state: string): boolean {
  return state === 'pending' || state === 'running';
}

export function isComplete(state: string): boolean {
  return state === 'completed' || state === 'completed_with_failures';
}
