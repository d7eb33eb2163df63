import type { RunRecord } from '../../../src/ports/repository.js';
import type { CommitEvent, HistoryEvent, StoreRules } from '../history.js';
import type { RecordReader } from '../read-record.js';
import { type JudgedStateChange, noteStateChanges } from './announcements.js';
import { answersStatus } from './answered-runs.js';
import { updatedWithoutCommit } from './judged-keys.js';
import {
  isComplete,
  type JudgedCall,
  type JudgedInstance,
  type JudgedOwner,
  type JudgedRun,
  type JudgedTouch,
  jobKey,
  type Replay,
  type TooSlow,
} from './judged-world.js';
import type { RunChange } from './judgement.js';
import { isReader, namesListed } from './lists.js';
import { addRefusal, applyCommit, changesOf, learnFromLost } from './replay-commit.js';
import { applyLiveEvent } from './replay-instances.js';
import { shownRun } from './shown-run.js';

export interface ReplayedWorld extends Replay {
  readonly stateChanges: Map<string, JudgedStateChange>;
  changesOf(event: CommitEvent): RunChange[];
  apply(event: HistoryEvent, at: number, changes: readonly RunChange[]): void;
  /** What the store has lost since. Only the calls know of it. */
  applyLost(event: HistoryEvent, at: number): void;
}

/**
 * @param revisions all that the records ever had, also those that are lost
 * @param stateChanges all of them, also those that are lost
 */
export function replayWorld(
  rules: StoreRules,
  reader: RecordReader,
  revisions: Set<string> = new Set(),
  stateChanges: Map<string, JudgedStateChange> = new Map(),
): ReplayedWorld {
  const instances = new Map<number, JudgedInstance>();
  const records = new Map<string, RunRecord>();
  const runs = new Map<string, JudgedRun>();
  const owners = new Map<string, JudgedOwner>();
  const touches = new Map<string, JudgedTouch>();
  const calls = new Map<number, JudgedCall>();
  const begunAt = new Map<string, number>();
  const transactionsBegunAt = new Map<number, number>();
  const tooSlow = new Map<string, TooSlow>();
  const enqueued = new Set<string>();
  const begun = new Set<string>();
  const unallotted = new Set<string>();
  const undeleted = new Set<number>();
  const lostCalls = new Set<number>(); // those with commits that are lost
  let now = 0;
  let lostAt = -1;
  let calmAt = Number.POSITIVE_INFINITY;

  function endCall(id: number, at: number): void {
    const call = calls.get(id);
    if (call !== undefined) call.endedAt = at;
  }

  /** The call has loaded or changed its run. */
  function lookAgain(call: JudgedCall | undefined): void {
    const run = runs.get(String(call?.argument.runId));
    if (call === undefined || run === undefined || !answersStatus(call)) return;
    call.shownBefore = call.shown;
    call.shown = shownRun(run);
  }

  function applyAnswer(id: number, answer: unknown, at: number): void {
    const call = calls.get(id);
    if (call === undefined) return;
    call.endedAt = at;
    if (lostCalls.has(id)) return;
    for (const [key, owner] of updatedWithoutCommit(call, owners)) owners.set(key, owner);
    const { status, created, covered, runId } = Object(answer);
    const run = runs.get(runId);
    if (status !== 'triggered' || run === undefined) return;
    if (created === true) run.requestedAt = call.startedAt;
    else if (covered === true) run.joinedAt = Math.max(run.joinedAt, call.startedAt);
    run.answeredAt ??= at;
  }

  function apply(event: HistoryEvent, at: number, changes: readonly RunChange[]): void {
    if ('now' in event) now = event.now;
    noteStateChanges(event, changes, { calls, stateChanges, at });
    switch (event.type) {
      case 'begin':
      case 'insert':
      case 'complete-task':
      case 'finish':
      case 'edit':
      case 'delete':
        applyLiveEvent(event, at, instances, transactionsBegunAt);
        return;
      case 'call': {
        const argument = event.argument as Readonly<Record<string, unknown>>;
        const runId = String(argument.runId);
        const committedStep = runs.get(runId)?.shards.get(Number(argument.shard))?.committedStep ?? null;
        const run = runs.get(runId);
        const reads = run !== undefined && isReader(event);
        const call = {
          ...{ ...newCall(), ...event, id: event.call, argument, committedStep, startedAt: at },
          walkThen: run?.header.walk ?? 0,
          listedThen: reads ? namesListed(run, event.method) : NOTHING,
        };
        calls.set(event.call, call);
        const isJob = event.method === 'handle' || event.method === 'take-up';
        if (isJob && !begunAt.has(runId)) begunAt.set(runId, at);
        if (event.method === 'handle')
          begun.add(`${runId}_${jobKey(Number(argument.shard), Number(argument.step))}`);
        return;
      }
      case 'return':
        applyAnswer(event.call, event.answer, at);
        return;
      case 'calm':
        calmAt = at;
        return;
      case 'throw':
        endCall(event.call, at);
        return;
      case 'crash': {
        const call = calls.get(event.call ?? -1);
        if (call !== undefined) Object.assign(call, { endedAt: at, hasCrashed: true });
        return;
      }
      case 'abort': {
        const call = calls.get(event.call);
        if (call !== undefined) call.isAborted = true;
        return;
      }
      case 'fault': {
        const call = calls.get(event.call);
        if (call !== undefined && event.port === 'commit') call.commitFaults += 1;
        if (call !== undefined) call.lastFault = event.kind;
        if (event.alone?.isProof === true) call?.accused.add(event.alone.id);
        else if (call !== undefined && event.alone !== undefined) addRefusal(call, event.alone, at);
        return;
      }
      case 'survey': {
        const call = calls.get(event.call);
        const limit = runs.get(String(call?.argument.runId))?.header.definition.limit ?? null;
        // Other surveys only split what this one has counted.
        if (call !== undefined && event.after === null && event.limit === limit) call.surveyedAt = at;
        return;
      }
      case 'load': {
        const call = calls.get(event.call);
        const state = runs.get(event.runId)?.header.state ?? 'pending';
        if (isComplete(state) || state === 'cancelled') call?.foundEnded.add(event.runId);
        if (call?.argument.runId === event.runId) call.loadedAt = at;
        else if (call !== undefined) call.hasLoadedMore = true;
        if (call?.argument.runId === event.runId && !call.hasLoadedMore)
          call.failedThen = new Set(runs.get(event.runId)?.failed.keys());
        if (call?.argument.runId === event.runId) lookAgain(call);
        return;
      }
      case 'read': {
        const call = calls.get(event.call);
        const behind = runs.get(call?.storedRun ?? String(call?.argument.runId))?.behind;
        for (const [id, { reads, misses }] of behind ?? []) {
          if (event.ids?.includes(id) !== true) continue;
          const isShown = event.page.some((instance) => instance.id === id);
          behind?.set(id, { reads: reads + 1, misses: misses + (isShown ? 0 : 1) });
        }
        for (const instance of event.page) {
          call?.seen.set(instance.id, [{ at, instance }, ...(call.seen.get(instance.id) ?? [])]);
        }
        return;
      }
      case 'commit':
        applyCommit(event, at, changes, {
          instances,
          records,
          owners,
          touches,
          runs,
          calls,
          begunAt,
          tooSlow,
        });
        if (event.status === 'committed' && !event.late) lookAgain(calls.get(event.call));
        return;
      case 'enqueue': {
        const { runId, shard, step } = event.payload;
        const job = `${runId}_${jobKey(shard, step)}`;
        enqueued.add(job);
        const call = calls.get(event.call);
        call?.enqueued.add(job);
        if (call?.argument.scope === 'job-first') unallotted.add(job);
        // A step that the call has allotted itself: if its job is known, another call has just enqueued it.
        const isNew = event.fate !== 'known' || unallotted.has(job) || call?.allotted.has(job) === true;
        if (call !== undefined && isNew) call.hasNewJob = true;
        return;
      }
      case 'forget':
        lostAt = at;
        for (const instance of instances.values())
          if (undeleted.has(instance.id)) instances.set(instance.id, { ...instance, insertedAt: at });
        undeleted.clear();
        return;
      default:
    }
  }

  function applyLost(event: HistoryEvent, at: number): void {
    if (event.type === 'commit' && event.status === 'committed') {
      lostCalls.add(event.call);
      learnFromLost(event, calls.get(event.call));
    } else if (event.type === 'delete') undeleted.add(event.id);
    else if (event.type === 'return') endCall(event.call, at);
    else if (!isStored(event)) apply(event, at, []);
  }

  return {
    rules,
    instances,
    records,
    revisions,
    stateChanges,
    runs,
    owners,
    touches,
    calls,
    begunAt,
    transactionsBegunAt,
    tooSlow,
    enqueued,
    begun,
    unallotted,
    get now() {
      return now;
    },
    get calmAt() {
      return calmAt;
    },
    get lostAt() {
      return lostAt;
    },
    changesOf: (event) => changesOf(event, runs, reader),
    apply,
    applyLost,
  };
}

function isStored({ type }: HistoryEvent): boolean {
  return ['begin', 'insert', 'complete-task', 'finish', 'edit', 'delete'].includes(type);
}

const NOTHING: ReadonlySet<string> = new Set();

function newCall(): Pick<
  JudgedCall,
  | 'endedAt'
  | 'isAborted'
  | 'hasCrashed'
  | 'seen'
  | 'refused'
  | 'accused'
  | 'storedRun'
  | 'surveyedAt'
  | 'batches'
  | 'hasMetWriters'
  | 'tooSlow'
  | 'commitFaults'
  | 'conflicts'
  | 'allotted'
  | 'enqueued'
  | 'hasNewJob'
  | 'loadedAt'
  | 'failedThen'
  | 'lastFault'
  | 'hasLoadedMore'
  | 'foundEnded'
  | 'hasMovedStart'
  | 'shown'
  | 'shownBefore'
> {
  return {
    endedAt: null,
    isAborted: false,
    hasCrashed: false,
    seen: new Map(),
    refused: new Map(),
    accused: new Set(),
    storedRun: null,
    surveyedAt: -1,
    batches: new Map(),
    hasMetWriters: false,
    tooSlow: new Map(),
    commitFaults: 0,
    conflicts: 0,
    allotted: new Set(),
    enqueued: new Set(),
    hasNewJob: false,
    loadedAt: -1,
    failedThen: new Set(),
    lastFault: null,
    hasLoadedMore: false,
    foundEnded: new Set(),
    hasMovedStart: false,
    shown: null,
    shownBefore: null,
  };
}
