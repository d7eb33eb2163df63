import type { RunRecord } from '../../../src/ports/repository.js';
import type { CallMethod, CommitEvent, Row, SeenInstance, StoreRules, TaskState } from '../history.js';
import type { HeaderView, ShardView } from '../read-record.js';

/** An instance as it is in the store. */
export interface JudgedInstance {
  readonly id: number;
  readonly processModelId: string;
  readonly cursor: number;
  readonly insertedAt: number;
  /** It came up among those that were there before: its transaction took long. */
  readonly isLate: boolean;
  running: boolean;
  task: TaskState;
  readonly rows: Map<string, Row>;
}

/** A run as its records in the store tell of it, and what has become of its instances. */
export interface JudgedRun {
  readonly runId: string;
  readonly processModelId: string;
  header: HeaderView;
  readonly shards: Map<number, ShardView>;
  /** `perhaps`: passed over, but it was deleted before the commit, and it depends on which reading was acted upon. */
  readonly outcomes: Map<number, 'visited' | 'gone' | 'perhaps'>;
  /** When the request for it was made, and when it was first answered with it. */
  requestedAt: number | null;
  answeredAt: number | null;
  /** When the last equal request was made that was answered with it. */
  joinedAt: number;
  /** When a job was allowed to work on it again, after it had been stopped. */
  resumedAt: number;
  /** When its header was changed last. */
  changedAt: number;
  /** When the last of its shards was done. */
  allDoneAt: number;
  /** It has failed at some time: then it holds no keys against newer requests. */
  hasFailed: boolean;
  /** How many instances had failed when it was set going again last; `null` if it never was. */
  forgiven: number | null;
  completions: number;
  /** Commits that moved a shard on. */
  readonly progress: { readonly at: number; readonly call: number; readonly shard: number }[];
  /** Steps by job: the call that allotted it, and when; `isNext` unless it came with the shard or with its extension. */
  readonly allotted: Map<string, { readonly at: number; readonly call: number; readonly isNext: boolean }>;
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
  /** What it saw of each instance, each time that it read it, the last one first: any of them may be what it acts on. */
  readonly seen: Map<number, readonly { readonly at: number; readonly instance: SeenInstance }[]>;
  /** Of a job: the epoch of its shard when it was begun. */
  readonly epoch: number | null;
  /** By shard: how often in a row its page was older than the instances, and whether the last commit was committed. */
  readonly stale: Map<string, { readonly times: number; readonly isOver: boolean }>;
  /** Instances whose values the store has refused by themselves, and when. */
  readonly refused: Map<number, number>;
  /** How many commits of it ended with an error, and how many were refused. */
  commitFaults: number;
  conflicts: number;
  /** What it has allotted and enqueued, by run and job. */
  readonly allotted: Set<string>;
  readonly enqueued: Set<string>;
}

/** The world as it was before the event that is being judged. */
export interface Replay {
  readonly rules: StoreRules;
  readonly instances: ReadonlyMap<number, JudgedInstance>;
  readonly records: ReadonlyMap<string, RunRecord>;
  readonly runs: ReadonlyMap<string, JudgedRun>;
  readonly calls: ReadonlyMap<number, JudgedCall>;
  /** By run: when its first job was begun. May be before its records are there. */
  readonly begunAt: ReadonlyMap<string, number>;
  /** What the queue was asked for, by run and job. */
  readonly enqueued: ReadonlySet<string>;
  /** How often in a row the page of a commit was found to be too old before. */
  staleBefore(event: CommitEvent): number;
}

export function failuresOf(shards: Iterable<ShardView>): number {
  return [...shards].reduce((sum, { tally }) => sum + tally.failed, 0);
}

export function areDone({ shards }: JudgedRun): boolean {
  return shards.size > 0 && [...shards.values()].every(({ done }) => done);
}

/** A job of a run, within it. */
export function jobKey(shard: number, step: number): string {
  return `${shard}_${step}`;
}

export function isWorkable(state: string): boolean {
  return state === 'pending' || state === 'running';
}

export function isComplete(state: string): boolean {
  return state === 'completed' || state === 'completed_with_failures';
}
