import type { JsonValue } from '../../src/extraction/json-value.js';
import type { RunRecord } from '../../src/ports/repository.js';

/**
 * What happened in a world, as its store, its broker and its processes saw it, in the order in which it took effect.
 * Plain JSON, and all that a judge needs: nothing in it was reported by the code that is judged, but its answers.
 */
export interface History {
  readonly rules: StoreRules;
  readonly events: readonly HistoryEvent[];
}

/** What the store of this world offers. */
export interface StoreRules {
  /** Instances come with a version, and a commit over a newer one is refused. */
  readonly versions: boolean;
  /** Metadata rows come with a token of their own; without, they are told apart by value. */
  readonly tokens: boolean;
}

export type HistoryEvent =
  | LiveEvent
  | CallEvent
  | PortEvent
  | QueueEvent
  /** From here on nothing fails, nobody edits, and whoever had died is back. */
  | { readonly type: 'calm' }
  /** The calm is over: every run has come to an end and nobody is at work, or it took too many steps. */
  | { readonly type: 'end'; readonly steps: number; readonly isQuiet: boolean };

export interface Row {
  readonly value: JsonValue;
  readonly token: string;
}

export type Rows = Readonly<Record<string, Row>>;

/** The data of the most recently completed task. */
export type TaskState =
  | { readonly state: 'none' }
  | { readonly state: 'data'; readonly value: JsonValue }
  /** Nobody can parse it. */
  | { readonly state: 'broken' };

/** Done by the engine and its users, each in a transaction of its own. */
export type LiveEvent =
  | {
      readonly type: 'insert';
      readonly id: number;
      readonly processModelId: string;
      readonly cursor: number;
      readonly running: boolean;
      readonly task: TaskState;
      readonly rows: Rows;
    }
  /** A task was completed, so that the version has moved; `rows` are what the engine saved with it. */
  | { readonly type: 'complete-task'; readonly id: number; readonly task: TaskState; readonly rows: Rows }
  | { readonly type: 'finish'; readonly id: number }
  /** `null`: the row was deleted. */
  | { readonly type: 'edit'; readonly id: number; readonly key: string; readonly row: Row | null }
  | { readonly type: 'delete'; readonly id: number };

export type CallMethod =
  | 'request'
  | 'handle'
  | 'sweep'
  | 'pause'
  | 'resume'
  | 'cancel'
  | 'status'
  /** `runBackfill({ runId })` */
  | 'take-up'
  /** `runBackfill` of the whole of a model again, after the end. */
  | 'rerun';

/** A call of the library, by one process; a process makes one at a time. */
export type CallEvent =
  | {
      readonly type: 'call';
      readonly call: number;
      readonly process: string;
      readonly method: CallMethod;
      readonly argument: JsonValue;
      /** By the clock of this process. */
      readonly now: number;
    }
  | { readonly type: 'return'; readonly call: number; readonly answer: JsonValue }
  | {
      readonly type: 'throw';
      readonly call: number;
      readonly name: string;
      readonly code: string | null;
      readonly message: string;
      readonly retryable: boolean;
    }
  | { readonly type: 'abort'; readonly call: number }
  /** The process is no more, and with it the call that it was in. */
  | { readonly type: 'crash'; readonly process: string; readonly call: number | null }
  /** The process stands still for a while. */
  | { readonly type: 'stall'; readonly process: string; readonly call: number | null };

export interface SeenInstance {
  readonly id: number;
  readonly cursor: number;
  readonly running: boolean;
  readonly task: TaskState;
  readonly rows: Rows;
  /** The page only counted it, among complete ones. */
  readonly isPassedOver: boolean;
}

export interface WrittenRow {
  readonly id: number;
  readonly key: string;
  readonly row: Row;
}

export interface CommitEvent {
  readonly type: 'commit';
  readonly call: number;
  /** It took effect after its caller had been told that it failed, or had died. */
  readonly late: boolean;
  readonly status: 'committed' | 'conflict' | 'not-exhausted' | 'stale' | 'refused';
  readonly expected: readonly { readonly id: string; readonly revision: number | null }[];
  readonly exhausted: { readonly after: number | null; readonly upTo: number } | null;
  readonly instances: readonly {
    readonly id: number;
    readonly values: readonly { readonly key: string; readonly value: JsonValue }[];
  }[];
  readonly stale: readonly number[];
  readonly gone: readonly number[];
  readonly kept: readonly { readonly id: number; readonly key: string }[];
  /** The rows that are in the store now. */
  readonly written: readonly WrittenRow[];
  /** The records that are in the store now. */
  readonly records: readonly RunRecord[];
}

/** A call of a port took effect, or did not. */
export type PortEvent =
  | { readonly type: 'survey'; readonly call: number; readonly total: number; readonly upTo: number | null }
  | {
      readonly type: 'read';
      readonly call: number;
      readonly after: number | null;
      readonly upTo: number;
      /** It came from a replica that lags behind: there is more than this. */
      readonly lagging: boolean;
      readonly page: readonly SeenInstance[];
    }
  | { readonly type: 'load'; readonly call: number; readonly runId: string; readonly found: boolean }
  | CommitEvent
  | {
      readonly type: 'fault';
      readonly call: number;
      readonly port: string;
      /** `failed`: without effect. `answer-lost`: after the effect. `lands-late`: the effect is still to come. */
      readonly kind: 'failed' | 'answer-lost' | 'lands-late';
    };

export type QueueEvent =
  | {
      readonly type: 'enqueue';
      readonly call: number;
      readonly late: boolean;
      readonly key: string;
      readonly payload: { readonly runId: string; readonly shard: number; readonly step: number };
      /** `known`: dropped, because its key had been seen. */
      readonly fate: 'queued' | 'doubled' | 'lost' | 'known';
    }
  /** The runner has given a job up, after so many attempts or because another one cannot help. */
  | { readonly type: 'give-up'; readonly key: string };
