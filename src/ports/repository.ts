import type { FormattedValue } from '../extraction/format-metadata-value.js';
import type { JsonValue } from '../extraction/json-value.js';

export type InstanceId = string | number;

/**
 * Where an instance stands in the walk: its id, or creation time and id as a list. Creation order, so that instances
 * that come later sort behind the bound of a running backfill. Opaque to the library, which only stores and compares it.
 */
export type Cursor = string | number | readonly (string | number)[];

/** Fills keep what is there; overwrites replace it. */
export type BackfillMode = 'fill' | 'overwrite';

/**
 * A host's database, as a backfill sees it. `Transaction` is what the host passes to make a request part of its own
 * transaction; a repository that cannot do that leaves it `never`.
 *
 * Each call is a transaction of its own at READ COMMITTED or stricter. Every method may be called again after it
 * failed. An aborted `signal` may end a read early, by rejecting.
 *
 * @example
 * class InvoiceRepository implements BackfillRepository<PoolClient, number> { … }
 */
export interface BackfillRepository<Transaction = never, Id extends InstanceId = InstanceId> {
  /** How many instances there are after `after`, counting at most `limit`, and the cursor of the last one counted. */
  surveyInstances(query: SurveyQuery<Id>): Promise<InstanceSurvey>;

  /**
   * The first instances strictly after `after` and up to and including `upTo`, ascending by cursor: at most `limit`
   * snapshots, and beside them the filled ones that need not be shown (see `FilledInstances`). An empty page means
   * that there are none. Metadata rows must not be newer than the task data: read both in one statement, or the rows
   * first.
   */
  readInstances(query: PageQuery<Id>): Promise<readonly PageEntry<Id>[]>;

  /**
   * All of this in ONE transaction, or nothing of it:
   * 1. Check that each of `expected` is stored at that revision (`null`: is not stored), and lock it. If one is not:
   *    `conflict`.
   * 2. With `exhausted`: check that no instance is left in that range. If one is: `not-exhausted`.
   * 3. Lock the instances in ascending order. If one has another `version` than the one given: `stale`.
   * 4. Write the values, each under its guard (see `MetadataWrite`).
   * 5. Call `next` with what really happened and store the records that it returns, whole. If one has an `activeKey`
   *    that another record holds: `conflict`.
   *
   * May be repeated by the repository itself after a deadlock: `next` is pure. When the outcome is unknown (the
   * connection broke during COMMIT), reject: the library finds out by reading the run.
   */
  commit(commit: RepositoryCommit<Id>, options?: InTransaction<Transaction>): Promise<CommitResult<Id>>;

  /** All records of a run, read from where commits go to (no replica); an empty list when there is no such run. */
  loadRun(runId: string, options?: InTransaction<Transaction>): Promise<readonly RunRecord[]>;

  /** Records whose `id` is their `runId` (one a run), newest first: `id` descending. */
  findRuns(filter: RunFilter, options?: InTransaction<Transaction>): Promise<readonly RunRecord[]>;

  /**
   * Where to part a range into at most `parts` of about as many instances each, for runs in shards: cursors strictly
   * between `after` and `upTo`, ascending, fewer than `parts`.
   * @default counted off by `surveyInstances`, one call a part
   */
  splitInstances?(query: SplitQuery<Id>): Promise<readonly Cursor[]>;

  /** Whether the value column takes null. Without it the library writes no null rows. @default true */
  readonly storesNull?: boolean;

  /** Whether `commit`, `loadRun` and `findRuns` honour `options.transaction`. @default false */
  readonly transactional?: boolean;

  /**
   * The stored form of a value, for a column that is not JSON; never called with null. Values are then given to
   * `commit` in this form, and expected in it from `readInstances`. @default stored as JSON
   */
  formatValue?(value: JsonValue): FormattedValue;

  /**
   * The order of cursors, as the database sorts them: negative, 0 or positive.
   * @default numbers by value, strings by UTF-16 code unit, lists member by member. PostgreSQL's `int8` arrives as
   *   text in most drivers, and '10' < '9': convert it to a number or compare it here.
   */
  compareCursors?(a: Cursor, b: Cursor): number;

  /**
   * What an error of this repository means: `transient`, try again; `instance`, the data of some instance is to blame,
   * the batch is split to find it; `systemic`, the run stops. `undefined` leaves it to the library.
   * @default by SQLSTATE, MySQL, SQLite and Node.js error codes; an error without any is tried again, and is an
   *   instance's fault if `commit` then throws once more
   */
  classifyError?(error: unknown): ErrorClass | undefined;
}

/** The call is part of the host's open transaction: a refusal or an error of it leaves that usable, or fails it whole. */
export interface InTransaction<Transaction> {
  readonly transaction?: Transaction | undefined;
}

export type ErrorClass = 'transient' | 'instance' | 'systemic';

/** Which instances a backfill is about. */
export interface InstanceSelection<Id extends InstanceId = InstanceId> {
  readonly processModelId: string;
  /** Only these, or `null`: all of the model. */
  readonly instanceIds: readonly Id[] | null;
}

export interface SurveyQuery<Id extends InstanceId = InstanceId> extends InstanceSelection<Id> {
  /** `null`: from the beginning. */
  readonly after: Cursor | null;
  /** `null`: no limit. */
  readonly limit: number | null;
  readonly signal: AbortSignal;
}

export interface InstanceSurvey {
  readonly total: number;
  /** `null` when there is none. */
  readonly upTo: Cursor | null;
}

/** The cursors after `after`, up to and including `upTo`. */
export interface InstanceRange<Id extends InstanceId = InstanceId> extends InstanceSelection<Id> {
  /** `null`: from the beginning. */
  readonly after: Cursor | null;
  readonly upTo: Cursor;
}

export interface SplitQuery<Id extends InstanceId = InstanceId> extends InstanceRange<Id> {
  /** How many instances the range has. */
  readonly total: number;
  readonly parts: number;
  readonly signal: AbortSignal;
}

export interface PageQuery<Id extends InstanceId = InstanceId> extends InstanceRange<Id> {
  /** The most snapshots. How many filled instances are looked at beside them is up to the repository. */
  readonly limit: number;
  /** What will be read from the task data, for a repository that returns values instead of documents. */
  readonly paths: readonly PagePath[];
  readonly signal: AbortSignal;
}

export interface PagePath {
  readonly key: string;
  readonly segments: readonly string[];
  readonly mode: BackfillMode;
}

export type PageEntry<Id extends InstanceId = InstanceId> = InstanceSnapshot<Id> | FilledInstances;

/**
 * Instances in a row that the page passes over, as every key is to be filled and each of them holds a value other than
 * null under all. They are counted like that, do not count for the limit of the page, and are not given to `commit`.
 */
export interface FilledInstances {
  /** Of the last of them, or another that lies between it and the next instance. */
  readonly cursor: Cursor;
  /** How many they are, at least one. */
  readonly filled: number;
}

/** One instance as the page saw it. */
export interface InstanceSnapshot<Id extends InstanceId = InstanceId> {
  readonly id: Id;
  readonly cursor: Cursor;
  /**
   * Of the most recently completed task: greatest end time, nulls last, ties broken by the lower task id. May be
   * `{ form: 'none' }` to save reading a document, when every key is to be filled and holds a value other than null;
   * `running` and `version` are of no interest then.
   */
  readonly data: TaskData;
  /** The metadata rows under the keys of the page, by key; a key without a row is absent. */
  readonly stored: ReadonlyMap<string, StoredValue>;
  /** Still executing. Gets no null rows: its own next save decides. @default false */
  readonly running?: boolean;
  /** Changes whenever the latest completed task data does. Given back to `commit`; without one nothing is compared. */
  readonly version?: string;
}

/** The task data of an instance; `json` and `unreadable` keep one broken document from failing its whole page. */
export type TaskData =
  /** No completed task. */
  | { readonly form: 'none' }
  | { readonly form: 'parsed'; readonly value: unknown }
  | { readonly form: 'json'; readonly text: string }
  /** Extracted by the database, by key; a key with nothing at its path is absent. Must equal `extractMetadata`. */
  | { readonly form: 'values'; readonly values: ReadonlyMap<string, JsonValue> }
  | { readonly form: 'unreadable'; readonly reason: string };

/** A metadata row that was read. */
export interface StoredValue {
  /**
   * In the stored form, see `formatValue`; null for a null row. Under a key that is to be filled, only whether it is null
   * counts: any value may stand for the stored one, without a token, so that the row need not be read.
   */
  readonly value: JsonValue;
  /** Tells this row from a later one with the same value (a row version). Given back in `MetadataWrite.replaces`. */
  readonly token?: string;
}

/** One value to write, under a guard that keeps what a live instance wrote since the page was read. */
export interface MetadataWrite {
  readonly key: string;
  /** In the stored form, see `formatValue`. */
  readonly value: JsonValue;
  /**
   * Absent: write if there is no row, or replace a null row by a value; leave any other row alone. Present: update the
   * row only if it still is this one (same token, or same value where there are no tokens); never insert.
   */
  readonly replaces?: StoredValue;
}

export interface InstanceWrites<Id extends InstanceId = InstanceId> {
  readonly id: Id;
  /** May be empty: then only whether the instance still exists is of interest. */
  readonly values: readonly MetadataWrite[];
  readonly version?: string;
}

export interface RepositoryCommit<Id extends InstanceId = InstanceId> {
  readonly processModelId: string;
  readonly expected: readonly {
    readonly id: string;
    readonly revision: number | null;
  }[];
  readonly exhausted?: InstanceRange<Id>;
  /** In ascending cursor order, each instance once. Empty when only records change. */
  readonly instances: readonly InstanceWrites<Id>[];
  /** Pure. Returns a record for each of `expected`. */
  next(outcome: WriteOutcome<Id>): readonly RunRecord[];
}

/** What became of the writes, told by the exceptions: every other value was written. */
export interface WriteOutcome<Id extends InstanceId = InstanceId> {
  /** Instances that do not exist any more; nothing was written for them. */
  readonly gone: readonly Id[];
  /** Values that their guard held back, because another writer had been there. None of a gone instance. */
  readonly kept: readonly { readonly id: Id; readonly key: string }[];
}

export type CommitResult<Id extends InstanceId = InstanceId> =
  | { readonly status: 'committed' }
  /** Nothing was changed: somebody else has written a record since it was read, or holds an active key. */
  | { readonly status: 'conflict' }
  /** Nothing was changed: an instance is left in the range that was to be exhausted. */
  | { readonly status: 'not-exhausted' }
  /** Nothing was changed: these instances have newer task data than the page. */
  | { readonly status: 'stale'; readonly instanceIds: readonly Id[] };

/** A row of the host's table of runs. Stored whole, by `id`. */
export interface RunRecord {
  readonly id: string;
  readonly runId: string;
  readonly processModelId: string;
  /** Grows by one with each change; what compare-and-set compares. */
  readonly revision: number;
  /** UNIQUE where not null. Keeps equal requests from becoming two runs; null once a run has ended. */
  readonly activeKey: string | null;
  /** Belongs to the library. At most some 20 KB, and the ids of a run over chosen instances. */
  readonly content: JsonValue;
}

export interface RunFilter {
  /** `null`: of all models. */
  readonly processModelId: string | null;
  /** Only the one with this `activeKey`; `null`: any. */
  readonly activeKey: string | null;
  /** `true`: only with an `activeKey`, `false`: only without; `null`: both. */
  readonly active: boolean | null;
  /** Only with an `id` less than this; `null`: from the newest on. */
  readonly before: string | null;
  readonly limit: number;
}
