import type { RunRecord } from '../../../ports/repository.js';
import type {
  CallMethod,
  CommitEvent,
  HistoryEvent,
  Row,
  SeenInstance,
  StoreRules,
  TaskState,
} from '../history.js';
import type { HeaderView, RecordReader, ShardView } from '../read-record.js';
import { isProgress, type RunChange } from './judgement.js';

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
  readonly outcomes: Map<number, 'visited' | 'gone'>;
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

export interface ReplayedWorld extends Replay {
  changesOf(event: CommitEvent): RunChange[];
  apply(event: HistoryEvent, at: number, changes: readonly RunChange[]): void;
}

export function replayWorld(rules: StoreRules, reader: RecordReader): ReplayedWorld {
  const instances = new Map<number, JudgedInstance>();
  const records = new Map<string, RunRecord>();
  const runs = new Map<string, JudgedRun>();
  const calls = new Map<number, JudgedCall>();
  const begunAt = new Map<string, number>();
  const enqueued = new Set<string>();

  function changesOf({ records: changed }: CommitEvent): RunChange[] {
    const byRun = new Map<string, RunRecord[]>();
    for (const record of changed) byRun.set(record.runId, [...(byRun.get(record.runId) ?? []), record]);
    return [...byRun].map(([runId, ofRun]) => {
      const run = runs.get(runId) ?? null;
      const header = ofRun.find(reader.isHeader);
      const shards = ofRun.filter((record) => record !== header).map(reader.shard);
      return {
        runId,
        run,
        header: header === undefined ? null : { before: run?.header ?? null, after: reader.header(header) },
        shards: shards.map((after) => ({ before: run?.shards.get(after.index) ?? null, after })),
      };
    });
  }

  function staleBefore(event: CommitEvent): number {
    return calls.get(event.call)?.stale.get(event.expected[0]?.id ?? '')?.times ?? 0;
  }

  function applyCommit(event: CommitEvent, at: number, changes: readonly RunChange[]): void {
    const call = calls.get(event.call);
    const [expected] = event.expected;
    if (call !== undefined && expected !== undefined && event.instances.length > 0) {
      const times = staleBefore(event) + (event.status === 'stale' ? 1 : 0);
      call.stale.set(expected.id, { times, isOver: event.status === 'committed' });
    }
    if (event.status === 'conflict' && call !== undefined) call.conflicts += 1;
    const [only] = event.instances;
    if (event.status === 'refused' && event.instances.length === 1 && only !== undefined)
      call?.refused.set(only.id, at);
    for (const { id, key, row } of event.written) instances.get(id)?.rows.set(key, row);
    for (const record of event.records) records.set(record.id, record);
    for (const change of changes) applyChange(event, at, change, call);
  }

  function applyChange(
    event: CommitEvent,
    at: number,
    change: RunChange,
    call: JudgedCall | undefined,
  ): void {
    const { runId, header } = change;
    const processModelId = event.records.find((record) => record.runId === runId)?.processModelId ?? '';
    if (header !== null && change.run === null) runs.set(runId, newRun(runId, processModelId, header.after));
    const run = runs.get(runId);
    if (run === undefined) return;
    if (header !== null) {
      const [before, after] = [run.header.state, header.after.state];
      if (after === 'failed') run.hasFailed = true;
      if (!isWorkable(before) && isWorkable(after)) {
        run.resumedAt = at;
        run.forgiven = failuresOf(run.shards.values());
      }
      if (isComplete(after) && !isComplete(before)) run.completions += 1;
      run.header = header.after;
      run.changedAt = at;
    }
    const wasDone = areDone(run);
    for (const { before, after } of change.shards) {
      run.shards.set(after.index, after);
      if (isProgress(event, { before, after }))
        run.progress.push({ at, call: event.call, shard: after.index });
      if (before === null || after.step > before.step) {
        const key = jobKey(after.index, after.step);
        const isNext = before !== null && before.upTo === after.upTo;
        run.allotted.set(key, { at, call: event.call, isNext });
        call?.allotted.add(`${runId}_${key}`);
      }
    }
    if (areDone(run) && !wasDone) run.allDoneAt = at;
    for (const { id } of event.instances) run.outcomes.set(id, instances.has(id) ? 'visited' : 'gone');
  }

  function applyAnswer(id: number, answer: unknown, at: number): void {
    const call = calls.get(id);
    if (call === undefined) return;
    call.endedAt = at;
    const { status, created, runId } = Object(answer);
    const run = runs.get(runId);
    if (status !== 'triggered' || run === undefined) return;
    if (created === true) run.requestedAt = call.startedAt;
    else run.joinedAt = Math.max(run.joinedAt, call.startedAt);
    run.answeredAt ??= at;
  }

  function apply(event: HistoryEvent, at: number, changes: readonly RunChange[]): void {
    switch (event.type) {
      case 'insert': {
        const { id, processModelId, cursor, running, task, rows } = event;
        const stored = new Map(Object.entries(rows));
        const isLate = [...instances.values()].some((other) => other.cursor > cursor);
        instances.set(id, {
          id,
          processModelId,
          cursor,
          running,
          task,
          insertedAt: at,
          isLate,
          rows: stored,
        });
        return;
      }
      case 'complete-task': {
        const instance = instances.get(event.id);
        if (instance === undefined) return;
        instance.task = event.task;
        for (const [key, row] of Object.entries(event.rows)) instance.rows.set(key, row);
        return;
      }
      case 'finish': {
        const instance = instances.get(event.id);
        if (instance !== undefined) instance.running = false;
        return;
      }
      case 'edit':
        if (event.row === null) instances.get(event.id)?.rows.delete(event.key);
        else instances.get(event.id)?.rows.set(event.key, event.row);
        return;
      case 'delete':
        instances.delete(event.id);
        return;
      case 'call': {
        const argument = event.argument as Readonly<Record<string, unknown>>;
        const runId = String(argument.runId);
        const epoch = runs.get(runId)?.shards.get(Number(argument.shard))?.epoch ?? null;
        calls.set(event.call, { ...newCall(), ...event, id: event.call, argument, epoch, startedAt: at });
        const isJob = event.method === 'handle' || event.method === 'take-up';
        if (isJob && !begunAt.has(runId)) begunAt.set(runId, at);
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
        return;
      }
      case 'read': {
        const call = calls.get(event.call);
        // The next page; those that were read ahead cannot be told from others, and go on counting.
        for (const [id, { isOver }] of call?.stale ?? []) {
          const record = records.get(id);
          const isNext = record !== undefined && reader.shard(record).after === event.after;
          if (isOver && isNext) call?.stale.delete(id);
        }
        for (const instance of event.page) {
          call?.seen.set(instance.id, [{ at, instance }, ...(call.seen.get(instance.id) ?? [])]);
        }
        return;
      }
      case 'commit':
        applyCommit(event, at, changes);
        return;
      case 'enqueue': {
        const { runId, shard, step } = event.payload;
        const job = `${runId}_${jobKey(shard, step)}`;
        enqueued.add(job);
        calls.get(event.call)?.enqueued.add(job);
        return;
      }
      default:
    }
  }

  return { rules, instances, records, runs, calls, begunAt, enqueued, staleBefore, changesOf, apply };
}

function newRun(runId: string, processModelId: string, header: HeaderView): JudgedRun {
  return {
    runId,
    processModelId,
    header,
    shards: new Map(),
    outcomes: new Map(),
    requestedAt: null,
    answeredAt: null,
    joinedAt: -1,
    resumedAt: -1,
    changedAt: -1,
    allDoneAt: -1,
    hasFailed: false,
    forgiven: null,
    completions: 0,
    progress: [],
    allotted: new Map(),
  };
}

function newCall(): Pick<
  JudgedCall,
  | 'endedAt'
  | 'isAborted'
  | 'seen'
  | 'stale'
  | 'refused'
  | 'commitFaults'
  | 'conflicts'
  | 'allotted'
  | 'enqueued'
> {
  return {
    endedAt: null,
    isAborted: false,
    seen: new Map(),
    stale: new Map(),
    refused: new Map(),
    commitFaults: 0,
    conflicts: 0,
    allotted: new Set(),
    enqueued: new Set(),
  };
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
