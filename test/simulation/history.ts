import type { JsonValue } from '../../src/extraction/json-value.js';
import type { RunRecord } from '../../src/ports/repository.js';

/**
 * What happened in a world, in the order in which it took effect. Plain JSON, recorded by the store, the broker and the
 * processes. A judge needs nothing else. Only the answers of calls come from the library that is judged.
 */
export interface History {
  readonly rules: StoreRules;
  readonly events: readonly HistoryEvent[];
}

/** What the store of this world offers. */
export interface StoreRules {
  /** Instances have a version, and a commit leaves out those that have a newer one. */
  readonly versions: boolean;
  /** Metadata rows have a token. Without tokens, rows are compared by value. */
  readonly tokens: boolean;
  /** The store says whether transactions have ended that may insert instances. */
  readonly settles: boolean;
  /** Whether the code with which it refuses a value proves nothing, so that no instance is to blame unless another goes through. */
  readonly needsWitness: boolean;
  /** More instances in a commit or in a page take too long. `null`: any number is fine. */
  readonly largestBatch: number | null;
  readonly largestPage: number | null;
}

export type HistoryEvent =
  | LiveEvent
  | CallEvent
  | PortEvent
  | QueueEvent
  | AnnounceEvent
  /** The store crashes and has lost all that it stored from this event on: commits, and changes of instances. */
  | { readonly type: 'forget'; readonly since: number }
  /** From here on nothing fails and nobody edits. Crashed processes start again. */
  | { readonly type: 'calm' }
  /** The calm is over. `isQuiet`: every run has ended and no process works. Otherwise the calm took too many turns. */
  | { readonly type: 'end'; readonly turns: number; readonly isQuiet: boolean };

/** What a subscriber of the library's channel gets. */
export interface AnnounceEvent {
  readonly type: 'announce';
  readonly message: StateMessage;
}

/** What a judge needs from the message about a change of a run's state. */
export interface StateMessage {
  readonly runId: string;
  readonly from: string;
  readonly to: string;
  readonly revision: string;
  readonly at: number;
  readonly total: number;
  readonly processed: number;
  readonly updated: number;
  readonly failed: number;
  readonly gone: number;
  readonly lastError: string | null;
}

export interface Row {
  readonly value: JsonValue;
  readonly token: string;
}

export type Rows = Readonly<Record<string, Row>>;

/** The data of the most recently completed task. */
export type TaskState =
  | { readonly state: 'none' }
  | { readonly state: 'data'; readonly value: JsonValue }
  /** It cannot be parsed. */
  | { readonly state: 'broken' };

/** A change by the engine or a user, in a transaction of its own. */
export type LiveEvent =
  /** A transaction begins that takes long and may insert an instance. */
  | { readonly type: 'begin'; readonly transaction: number }
  | {
      readonly type: 'insert';
      readonly id: number;
      /** The long transaction in which it was inserted, which ends now. */
      readonly transaction: number | null;
      readonly processModelId: string;
      readonly cursor: number;
      readonly running: boolean;
      readonly task: TaskState;
      readonly rows: Rows;
    }
  /** A task was completed, so the instance has a new version. `rows` is the metadata that the engine saved with it. */
  | { readonly type: 'complete-task'; readonly id: number; readonly task: TaskState; readonly rows: Rows }
  | { readonly type: 'finish'; readonly id: number }
  /** `row` is `null` if the row was deleted. */
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
  | 'list'
  /** `retryFailed` */
  | 'retry-failed'
  /** `columns` */
  | 'columns'
  /** `verifyBackfill` of a whole model, after the end */
  | 'verify'
  /** All pages of `failures`. */
  | 'failures'
  /** All pages of `differences`. */
  | 'differences'
  /** `runBackfill({ runId })` */
  | 'take-up'
  /** `runBackfill` of a new run, without a queue */
  | 'start'
  /** `runBackfill` of a whole model, after the end */
  | 'rerun';

/** A call of the library by a process. A process makes one call at a time. */
export type CallEvent =
  | {
      readonly type: 'call';
      readonly call: number;
      readonly process: string;
      readonly method: CallMethod;
      readonly argument: JsonValue;
      /** By the clock of this process. */
      readonly now: number;
      /** The newest format of records and jobs that it can read. */
      readonly format: number;
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
  /** The process has ended in the middle of this call. */
  | { readonly type: 'crash'; readonly process: string; readonly call: number | null }
  /** The process does nothing for a while. */
  | { readonly type: 'stall'; readonly process: string; readonly call: number | null };

export interface SeenInstance {
  readonly id: number;
  readonly cursor: number;
  readonly running: boolean;
  readonly task: TaskState;
  readonly rows: Rows;
  /** The page only counted it among filled instances. */
  readonly isPassedOver: boolean;
}

export interface WrittenRow {
  readonly id: number;
  readonly key: string;
  /** `null` if the row was deleted. */
  readonly row: Row | null;
}

export interface CommitEvent {
  readonly type: 'commit';
  readonly call: number;
  /** By the clock of the store. */
  readonly now: number;
  /** It took effect after it had failed for its caller, or after its caller had crashed. */
  readonly late: boolean;
  /** `undone`: `next` threw an error. */
  readonly status: 'committed' | 'conflict' | 'not-exhausted' | 'undone' | 'refused' | 'too-slow';
  readonly expected: readonly { readonly id: string; readonly revision: string | null }[];
  readonly exhausted: { readonly after: number | null; readonly upTo: number } | null;
  readonly instances: readonly {
    readonly id: number;
    /** A write without a value is to delete the row. */
    readonly values: readonly { readonly key: string; readonly value?: JsonValue }[];
  }[];
  /** Left out, because they have a newer version. */
  readonly moved: readonly number[];
  readonly gone: readonly number[];
  readonly kept: readonly { readonly id: number; readonly key: string }[];
  /** The rows as they are stored now. */
  readonly written: readonly WrittenRow[];
  /** The records as they are stored now. */
  readonly records: readonly RunRecord[];
}

/** The effect of a call of a port, or its failure. */
export type PortEvent =
  | {
      readonly type: 'survey';
      readonly call: number;
      readonly after: number | null;
      readonly limit: number | null;
      readonly total: number;
      readonly upTo: number | null;
    }
  | {
      readonly type: 'read';
      readonly call: number;
      readonly after: number | null;
      readonly upTo: number;
      /** `null`: all instances of the model are asked for. */
      readonly ids: readonly (string | number)[] | null;
      /** The page came from a replica that lags behind, and some instances are not on it. */
      readonly lagging: boolean;
      readonly page: readonly SeenInstance[];
    }
  | { readonly type: 'load'; readonly call: number; readonly runId: string; readonly found: boolean }
  | CommitEvent
  | {
      readonly type: 'fault';
      readonly call: number;
      readonly port: string;
      /**
       * `failed`: it has no effect. `answer-lost`: it took effect. `lands-late`: it will take effect later. `down`: it has
       * no effect, like every such call of the store at that time. `too-slow`: it has no effect, and never will have.
       * `unreadable`: the record of a list cannot be read.
       */
      readonly kind: 'failed' | 'answer-lost' | 'lands-late' | 'down' | 'too-slow' | 'unreadable';
      /** The only instance of a commit that was refused by an outage, the keys of its values, and whether the code says it is to blame. */
      readonly alone?: { readonly id: number; readonly keys: readonly string[]; readonly isProof: boolean };
    };

export type QueueEvent =
  | {
      readonly type: 'enqueue';
      readonly call: number;
      readonly late: boolean;
      readonly key: string;
      readonly payload: { readonly runId: string; readonly shard: number; readonly step: number };
      /** `known`: dropped, because the runner knew its key. */
      readonly fate: 'queued' | 'doubled' | 'lost' | 'known';
    }
  /** The runner gives a job up, after its last attempt or because the error is not retryable. */
  | { readonly type: 'give-up'; readonly key: string };
