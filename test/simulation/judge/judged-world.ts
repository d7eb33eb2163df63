import type { RunRecord } from '../../../src/ports/repository.js';
import type { CallMethod, CommitEvent, Row, SeenInstance, StoreRules, TaskState } from '../history.js';
import type { DifferencesView, FailuresView, HeaderView, ShardView } from '../read-record.js';
import type { JudgedStateChange } from './announcements.js';
import type { ShownRun } from './shown-run.js';

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
  /** By instance: the failures of this walk that are stored. */
  readonly failed: Map<number, readonly Listed<FailuresView['failures'][number]>[]>;
  /** By instance: the differences of this walk that are stored. */
  readonly differing: Map<number, readonly Listed<DifferencesView['differences'][number]>[]>;
  /** What the walks before this one have listed. */
  formerLists: readonly FormerList[];
  /** The instances left behind: how often they were read again by their ids, and how often that did not show them. */
  readonly behind: Map<number, { readonly reads: number; readonly misses: number }>;

  /** By shard: the last instance that got a value. */
  readonly lastWritten: Map<number, number>;
  /** Where earlier runs have read its keys from. */
  readonly formerPaths: ReadonlyMap<string, FormerPaths>;

  // Times are indices of `history.events`.

  readonly createdAt: number;
  /** When its request was committed, or the last one that joined it and had it walk over all instances after that. */
  claimedAt: number;

  /** When its request was made, and when a request first returned it. */
  requestedAt: number | null;
  answeredAt: number | null;
  /** When the last equal request was made that joined it, and that it covers. */
  joinedAt: number;
  /** When the survey was made with which this walk was frozen. */
  frozenAt: number;
  /** When the commit was made that froze this walk. Its instances are read after that. */
  walkBegunAt: number;
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
   * `handedBackUntil`: it was allotted to a job that had come before this time.
   */
  readonly allotted: Map<string, Allotment>;
}

/** An item of a list, and the record that it is in. */
export type Listed<Item> = Item & { readonly shard: number; readonly number: number };

export interface Allotment {
  readonly at: number;
  readonly call: number;
  readonly isFollowing: boolean;
  readonly handedBackUntil: number | null;
}

/** The paths from which earlier runs over all instances have read a key. */
export interface FormerPaths {
  readonly all: readonly (readonly string[])[];
  /** Those of runs that have not completed, since a run for the key last completed. */
  readonly open: readonly (readonly string[])[];
}

/** What a walk had listed when the next one began, in the order of its records. */
export interface FormerList {
  readonly walk: number;
  readonly failures: ReadonlySet<string>;
  readonly differences: ReadonlySet<string>;
}

/** What a committed request or model update last said of a key. */
export interface JudgedOwner {
  /** `null`: the key was removed. */
  readonly segments: readonly string[] | null;
  readonly at: number;
}

/** What somebody has last done with a key other than reading it. */
export interface JudgedTouch {
  readonly at: number;
  /** A run over some instances reads it from another path. */
  readonly tried: boolean;
}

/** A call of the library. */
export interface JudgedCall {
  readonly id: number;
  readonly process: string;
  readonly method: CallMethod;
  readonly argument: Readonly<Record<string, unknown>>;
  readonly startedAt: number;
  readonly now: number;
  /** The newest format that it can read. */
  readonly format: number;
  endedAt: number | null;
  isAborted: boolean;
  hasCrashed: boolean;
  /** All that it read about each instance, the newest read first. It may act on any of these reads. */
  readonly seen: Map<number, readonly { readonly at: number; readonly instance: SeenInstance }[]>;
  /** The committed step of the job's shard when the call began. `null` if the call is no job. */
  readonly committedStep: number | null;
  /** Instances that the store refused in a commit of their own. */
  readonly refused: Map<number, Refusal>;
  /** Instances that it may blame because of the error of an outage. */
  readonly accused: Set<number>;
  /** The run that it has stored. */
  storedRun: string | null;
  /** When it last surveyed the instances from the first on. */
  surveyedAt: number;
  /** The largest commit with each instance. */
  readonly batches: Map<number, CommitEvent['instances']>;
  /** Whether one of its commits met instances that others had saved, filled or deleted since they were read. They prove nothing. */
  hasMetWriters: boolean;
  /** By shard record: what it has learnt from its own batches. */
  readonly tooSlow: Map<string, TooSlow>;
  /** How many of its commits failed, and how many ended as a conflict. */
  commitFaults: number;
  conflicts: number;
  /** The jobs whose steps it has allotted, and the jobs that it has enqueued. */
  readonly allotted: Set<string>;
  readonly enqueued: Set<string>;
  /** Whether the runner has taken one of its jobs, or has lost it: it did not know the key of that job. */
  hasNewJob: boolean;
  /** When it last loaded the run of its job. */
  loadedAt: number;
  /** Of a retry: the instances of its run that had failed when it loaded the run. */
  failedThen: ReadonlySet<number>;
  /** Of a call that answers a status: its run as it was when the call last loaded or changed it. */
  shown: ShownRun | null;
  /** The run as the call saw it one look before `shown`. */
  shownBefore: ShownRun | null;
  /** Of a reader: which walk its run was in when the call began, and what that walk had listed. */
  readonly walkThen: number;
  readonly listedThen: ReadonlySet<string>;
  /** How a call of a port last failed. */
  lastFault: string | null;
  /** Whether it goes on with what it has loaded of its run. */
  hasLoadedMore: boolean;
  /** The runs that had ended when it loaded them. */
  readonly foundEnded: Set<string>;
  /** Whether it has moved the start of a run forward. */
  hasMovedStart: boolean;
}

export interface Refusal {
  /** The last time. */
  readonly at: number;
  readonly keys: ReadonlySet<string>;
  /**
   * Whether another instance has gone through since the first time: `doubted`. An outage may have refused this one. `confirmed`:
   * it was refused again after that.
   */
  readonly is: 'new' | 'doubted' | 'confirmed';
}

/** A batch that was too slow. It is forgotten after some batches that were not: then a larger one may be tried. */
export interface TooSlow {
  readonly at: number;
  readonly size: number;
  readonly batches: number;
}

/** The world before the event that is being judged. */
export interface Replay {
  readonly rules: StoreRules;
  readonly instances: ReadonlyMap<number, JudgedInstance>;
  readonly records: ReadonlyMap<string, RunRecord>;
  /** All that a record ever had. */
  readonly revisions: Set<string>;
  /** By the revision that each gave. Also those that are lost. */
  readonly stateChanges: ReadonlyMap<string, JudgedStateChange>;
  readonly runs: ReadonlyMap<string, JudgedRun>;
  /** By key of the one model that is filled. */
  readonly owners: ReadonlyMap<string, JudgedOwner>;
  readonly touches: ReadonlyMap<string, JudgedTouch>;
  readonly calls: ReadonlyMap<number, JudgedCall>;
  /** By run: when its first job began. That may be before its records are stored. */
  readonly begunAt: ReadonlyMap<string, number>;
  /** By long transaction: when it began. */
  readonly transactionsBegunAt: ReadonlyMap<number, number>;
  /** By shard record: the batch that was too slow for the call that committed last. */
  readonly tooSlow: ReadonlyMap<string, TooSlow>;
  /** All jobs that the queue got, and those that a worker has begun. */
  readonly enqueued: ReadonlySet<string>;
  readonly begun: ReadonlySet<string>;
  /** When the store last lost commits. −1: never. */
  readonly lostAt: number;
  /** When the calm began. Infinite before. */
  readonly calmAt: number;
  /**
   * Jobs that came before the transaction which allots their steps, against what a queue promises. It may be rolled back,
   * and another call allot the same step. So their keys may be known, and they may succeed before the step is theirs.
   */
  readonly unallotted: ReadonlySet<string>;
  /** When the last call or commit came. */
  readonly now: number;
}

export function failuresOf(shards: Iterable<ShardView>): number {
  return [...shards].reduce((sum, { tally }) => sum + tally.failed, 0);
}

/** Whether another version has stored it in a format that the call cannot read. */
export function isUnknownTo({ format }: JudgedCall, run: JudgedRun, records: Replay['records']): boolean {
  return [...records.values()].some(
    (record) => record.runId === run.runId && Number(Object(record.content).format) > format,
  );
}

/**
 * Of how many sweeps of a shard, since its last committed batch or the last resume, a job has begun. A later job that was
 * allotted before the next sweep counts as well.
 */
export function sweepsInVain({ begun, calls }: Replay, run: JudgedRun, shard: number): number {
  const progressAt = run.progress.findLast((progress) => progress.shard === shard)?.at ?? -1;
  const since = Math.max(run.resumedAt, progressAt);
  let times = 0;
  let isCounted = true;
  for (const [job, { at, call }] of run.allotted) {
    if (at <= since || !job.startsWith(`${shard}_`)) continue;
    if (calls.get(call)?.method === 'sweep') isCounted = false;
    if (isCounted || !begun.has(`${run.runId}_${job}`)) continue;
    isCounted = true;
    times += 1;
  }
  return times;
}

export function areDone({ shards }: JudgedRun): boolean {
  return shards.size > 0 && [...shards.values()].every(({ done }) => done);
}

/** Whether a call requests a run, with a job of a queue. */
export function isRequest(call: JudgedCall | undefined): boolean {
  return call?.method === 'request' || call?.method === 'retry-failed';
}

/** Identifies a job within its run. */
export function jobKey(shard: number, step: number): string {
  return `${shard}_${step}`;
}

export function isWorkable(state: string): boolean {
  return state === 'pending' || state === 'running';
}

/** Whether a run can still change by itself or by a resume from pause. */
export function isActive(state: string): boolean {
  return isWorkable(state) || state === 'paused';
}

export function isComplete(state: string): boolean {
  return state === 'completed' || state === 'completed_with_failures';
}
