import type { RunRecord } from '../../../src/ports/repository.js';
import type { CommitEvent, HistoryEvent, StoreRules } from '../history.js';
import type { RecordReader } from '../read-record.js';
import { updatedWithoutCommit } from './judged-keys.js';
import {
  type JudgedCall,
  type JudgedInstance,
  type JudgedOwner,
  type JudgedRun,
  jobKey,
  type Replay,
  type TooSlow,
} from './judged-world.js';
import type { RunChange } from './judgement.js';
import { addRefusal, applyCommit, changesOf } from './replay-commit.js';
import { applyLiveEvent } from './replay-instances.js';

export interface ReplayedWorld extends Replay {
  changesOf(event: CommitEvent): RunChange[];
  apply(event: HistoryEvent, at: number, changes: readonly RunChange[]): void;
}

export function replayWorld(rules: StoreRules, reader: RecordReader): ReplayedWorld {
  const instances = new Map<number, JudgedInstance>();
  const records = new Map<string, RunRecord>();
  const revisions = new Set<string>();
  const runs = new Map<string, JudgedRun>();
  const owners = new Map<string, JudgedOwner>();
  const calls = new Map<number, JudgedCall>();
  const begunAt = new Map<string, number>();
  const transactionsBegunAt = new Map<number, number>();
  const tooSlow = new Map<string, TooSlow>();
  const enqueued = new Set<string>();
  const begun = new Set<string>();
  const unallotted = new Set<string>();
  let now = 0;

  function applyAnswer(id: number, answer: unknown, at: number): void {
    const call = calls.get(id);
    if (call === undefined) return;
    call.endedAt = at;
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
        const call = { ...newCall(), ...event, id: event.call, argument, committedStep, startedAt: at };
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
      case 'throw':
      case 'crash': {
        const call = event.call === null ? undefined : calls.get(event.call);
        if (call !== undefined) call.endedAt = at;
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
        if (call !== undefined && event.alone !== undefined) addRefusal(call, event.alone, at);
        return;
      }
      case 'survey': {
        const call = calls.get(event.call);
        const limit = runs.get(String(call?.argument.runId))?.header.definition.limit ?? null;
        // Other surveys only split what this one has counted.
        if (call !== undefined && event.after === null && event.limit === limit) call.surveyedAt = at;
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
        applyCommit(event, at, changes, { instances, records, owners, runs, calls, begunAt, tooSlow });
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
      default:
    }
  }

  return {
    rules,
    instances,
    records,
    revisions,
    runs,
    owners,
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
    changesOf: (event) => changesOf(event, runs, reader),
    apply,
  };
}

function newCall(): Pick<
  JudgedCall,
  | 'endedAt'
  | 'isAborted'
  | 'seen'
  | 'refused'
  | 'storedRun'
  | 'surveyedAt'
  | 'batches'
  | 'hasMetMoved'
  | 'hasCommittedValues'
  | 'tooSlow'
  | 'commitFaults'
  | 'conflicts'
  | 'allotted'
  | 'enqueued'
  | 'hasNewJob'
  | 'hasMovedStart'
> {
  return {
    endedAt: null,
    isAborted: false,
    seen: new Map(),
    refused: new Map(),
    storedRun: null,
    surveyedAt: -1,
    batches: new Map(),
    hasMetMoved: false,
    hasCommittedValues: false,
    tooSlow: new Map(),
    commitFaults: 0,
    conflicts: 0,
    allotted: new Set(),
    enqueued: new Set(),
    hasNewJob: false,
    hasMovedStart: false,
  };
}
