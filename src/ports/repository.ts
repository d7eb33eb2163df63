import type { FormattedValue } from '../extraction/format-metadata-value.js';
import type { JsonValue } from '../extraction/json-value.js';

/** A number is at most ±9007199254740991. Drivers round larger ones, so let them return text. */
export type InstanceId = string | number;

/**
 * The place of an instance in the walk: its id, or its creation time and id as a list. Cursor order is creation order,
 * so that later instances sort behind the bound of a running backfill. The library only stores and compares cursors.
 * Numbers as in {@link InstanceId}. Numbers that are returned as text need `compareCursors`.
 */
export type Cursor = string | number | readonly (string | number)[];

/**
 * `fill` keeps stored values, except those that an unfinished run wrote from another path. `overwrite` replaces values that
 * differ. `remove` deletes the rows of the key.
 */
export type BackfillMode = 'fill' | 'overwrite' | 'remove';

/**
 * A host's database, as a backfill sees it. `Transaction` is the type of the host's transaction handle, with which a
 * request joins that transaction. Without support, leave it `never`.
 *
 * Each call is a transaction of its own at READ COMMITTED. Every method may be called again after it failed. When
 * `signal` is aborted, a read may reject early.
 *
 * @example
 * class InvoiceRepository implements BackfillRepository<PoolClient, number> { … }
 */
export interface BackfillRepository<Transaction = never, Id extends InstanceId = InstanceId> {
  /** Counts the instances after `after`, at most `limit` of them, and returns the cursor of the last one counted. */
  surveyInstances(query: SurveyQuery<Id>): Promise<InstanceSurvey>;

  /**
   * The first instances strictly after `after`, up to and including `upTo`, ascending by cursor. At most `limit` of
   * them are snapshots. Filled instances may be skipped and counted instead (see `FilledInstances`). An empty page means
   * that there are none. Metadata rows must not be newer than the task data: read both in one statement, or read the
   * rows first.
   */
  readInstances(query: PageQuery<Id>): Promise<readonly PageEntry<Id>[]>;

  /**
   * All of this in ONE transaction, or nothing of it:
   * 1. Lock the records of `expected` in ascending order of their ids, and compare each revision (`null`: there must be no
   *    record). If one differs, answer `conflict`.
   * 2. With `exhausted`: check that no instance is left in that range. If one is left, answer `not-exhausted`.
   * 3. Lock the instances in ascending order. If the `version` of one differs from the one given, leave that one
   *    out, and list it in `moved` of `next`.
   * 4. Write the values of the others, each under its guard (see `MetadataWrite`).
   * 5. Call `next` with what really happened, and store each record that it returns as a whole. If another record has
   *    the same `activeKey`, answer `conflict`. If `next` throws, reject with its error.
   *
   * The lock has to wait for a save that is under way, and versions are compared in a later statement, which sees what was
   * saved. `for share` waits for a save that updates or locks the row of its instance before it writes anything else. It does
   * not wait for one that only inserts a task, because the lock of a foreign key lets it pass: let such saves lock their
   * instance. (`for update` waits for both, but live inserts of metadata may then end in a deadlock.)
   *
   * The repository itself may repeat all of it after a deadlock, because `next` is pure. When the outcome is unknown
   * (the connection broke during COMMIT), reject. The library then finds out by loading the run.
   */
  commit(commit: RepositoryCommit<Id>, options?: InTransaction<Transaction>): Promise<CommitResult>;

  /** All records of a run, read from the database that commits go to, not from a replica. Empty when there is no such run. */
  loadRun(runId: string, options?: InTransaction<Transaction>): Promise<readonly RunRecord[]>;

  /**
   * The records whose `id` is their `runId` (one per run), newest first: `id` descending. Read from the database that commits
   * go to, not from a replica.
   */
  findRuns(filter: RunFilter, options?: InTransaction<Transaction>): Promise<readonly RunRecord[]>;

  /**
   * Whether transactions that may still insert instances have ended. With `null`: makes a mark, a text that stands for all
   * transactions that are open now. With a mark: returns it, and whether each of these has ended. Transactions that began
   * later do not count. Ask the database that `surveyInstances` reads from, because an insert whose transaction has ended
   * must be visible there.
   * @default nobody knows: a run that only fills walks once more, and others warn
   */
  settled?(mark: string | null): Promise<SettledAnswer>;

  /**
   * Where to split a range into at most `parts` ranges with about the same number of instances, for runs in shards.
   * Returns cursors strictly between `after` and `upTo`, ascending, fewer than `parts`.
   * @default the library calls `surveyInstances` once per part
   */
  splitInstances?(query: SplitQuery<Id>): Promise<readonly Cursor[]>;

  /** Whether the value column takes null. If not, the library writes no null rows. @default true */
  readonly storesNull?: boolean;

  /**
   * Whether the value column takes any text. If not, a value fails if its stored form contains a NUL or half of a surrogate pair.
   * This holds in runs, verifications and previews. jsonb and text of PostgreSQL refuse both. @default true
   */
  readonly storesAnyText?: boolean;

  /**
   * The most characters that a key may have, counted in Unicode code points, as in `varchar(255)` of PostgreSQL and MySQL.
   * A longer key is refused before a run is stored. @default no limit
   */
  readonly maxKeyLength?: number;
  /** Whether `commit` deletes the row of a `MetadataWrite` without a value. @default false */
  readonly deletes?: boolean;

  /** Whether `commit`, `loadRun` and `findRuns` honour `options.transaction`. @default false */
  readonly transactional?: boolean;

  /**
   * The stored form of a value, for a column that is not JSON. Never called with null. `commit` then gets values in this
   * form, and `readInstances` returns them in this form. @default stored as JSON
   */
  formatValue?(value: JsonValue): FormattedValue;

  /**
   * The order of cursors, as the database sorts them: negative, 0 or positive. Most drivers return PostgreSQL's `int8`
   * as text, and '10' < '9': convert it to a number, or compare it here.
   * @default numbers by value, strings by UTF-16 code unit, lists member by member
   */
  compareCursors?(a: Cursor, b: Cursor): number;

  /**
   * What an error of this repository means. `transient`: retry. `instance`: the data of some instance is to blame,
   * and the batch is split to find it. `systemic`: the run stops. `undefined`: the library decides.
   * @default by the codes of SQLSTATE, MySQL, SQLite, SQL Server, Prisma and Node.js, also within a wrapped error. An
   *   unknown error is retried. If it stays, an instance is to blame if its own commit fails and a commit without
   *   instances succeeds. After a transient or systemic error, other instances of the batch must succeed, too
   */
  classifyError?(error: unknown): ErrorClass | undefined;
}

/**
 * With `transaction`, the call is part of the host's open transaction. After a refusal, that transaction stays usable or
 * fails as a whole.
 */
export interface InTransaction<Transaction> {
  readonly transaction?: Transaction | undefined;
}

export type ErrorClass = 'transient' | 'instance' | 'systemic';

/** The instances that a backfill covers. */
export interface InstanceSelection<Id extends InstanceId = InstanceId> {
  readonly processModelId: string;
  /** Only these. `null`: all of the model. */
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

export interface SettledAnswer {
  /** The mark that was given, or the new one. At most some 10,000 characters. */
  readonly mark: string;
  readonly settled: boolean;
}

/** The instances with cursors after `after`, up to and including `upTo`. */
export interface InstanceRange<Id extends InstanceId = InstanceId> extends InstanceSelection<Id> {
  /** `null`: from the beginning. */
  readonly after: Cursor | null;
  readonly upTo: Cursor;
}

export interface SplitQuery<Id extends InstanceId = InstanceId> extends InstanceRange<Id> {
  /** How many instances the range holds. */
  readonly total: number;
  readonly parts: number;
  readonly signal: AbortSignal;
}

export interface PageQuery<Id extends InstanceId = InstanceId> extends InstanceRange<Id> {
  /** The most snapshots. The repository decides how many filled instances it counts beside them. */
  readonly limit: number;
  /**
   * The paths to read, for a repository that returns values instead of documents. A key with a control character
   * stands for an old path. Return its value under that key, too.
   */
  readonly paths: readonly PagePath[];
  readonly signal: AbortSignal;
}

export interface PagePath {
  readonly key: string;
  /** The keys and indices to follow. None: the whole document, which a preview looks at. */
  readonly segments: readonly string[];
  readonly mode: 'fill' | 'overwrite';
}

export type PageEntry<Id extends InstanceId = InstanceId> = InstanceSnapshot<Id> | FilledInstances;

/**
 * Consecutive instances that the page skips, because each has a value other than null under every key. Only if every key
 * has the mode `fill`. They do not count for the limit of the page, and `commit` does not get them.
 */
export interface FilledInstances {
  /** The cursor of the last of them, or any cursor between that one and the next instance. */
  readonly cursor: Cursor;
  /** How many there are, at least one. */
  readonly filled: number;
}

/** One instance as the page saw it. */
export interface InstanceSnapshot<Id extends InstanceId = InstanceId> {
  readonly id: Id;
  readonly cursor: Cursor;
  /**
   * The task data of the most recently completed task: greatest end time, nulls last, ties broken by the lower task id.
   * May be `{ form: 'none' }` when every key has the mode `fill` and a value other than null: then the library needs
   * neither the document nor `running` and `version`. Must not change until its batch is committed.
   */
  readonly data: TaskData;
  /** The metadata rows under the keys of the page, by key. A key without a row is absent. */
  readonly stored: ReadonlyMap<string, StoredValue>;
  /** Roughly how many bytes `data` takes in memory. @default measured; large documents by a sample */
  readonly bytes?: number;
  /** Still executing. Such an instance gets no null rows, because a value may still come. @default false */
  readonly running?: boolean;
  /**
   * Changes when the latest task data changes, and only then. `commit` compares it, so build it by the same expression there
   * and in `readInstances`. Use a random id of the task, not a counter: after a database has lost its last commits, a
   * counter repeats numbers. Absent: nothing is compared.
   */
  readonly version?: string;
}

/**
 * The task data of an instance. With `json` and `unreadable`, one broken document does not fail its whole page.
 * `exact`: `parseJson` parsed it, so that no integer has lost digits. Without that, a key whose value holds an integer
 * beyond ±9007199254740991 fails, and only that key. @default false
 */
export type TaskData =
  /** No completed task. */
  | { readonly form: 'none' }
  | { readonly form: 'parsed'; readonly value: unknown; readonly exact?: boolean }
  | { readonly form: 'json'; readonly text: string }
  /** Extracted by the database, by key. A key with nothing at its path is absent. Must equal `extractMetadata`. */
  | { readonly form: 'values'; readonly values: ReadonlyMap<string, JsonValue>; readonly exact?: boolean }
  | { readonly form: 'unreadable'; readonly reason: string };

/** A metadata row that was read. */
export interface StoredValue {
  /**
   * In the stored form (see `formatValue`), or null for a null row. In the mode `fill`, the library only checks for null.
   * For other values you may return a placeholder, without a
   * token, and not read the row.
   */
  readonly value: JsonValue;
  /** A row version, which tells this row from a later one with the same value. `MetadataWrite.replaces` gives it back. */
  readonly token?: string;
}

/** One value to write, under a guard that keeps what a live instance wrote since the page was read. */
export interface MetadataWrite {
  readonly key: string;
  /**
   * In the stored form (see `formatValue`). Absent: delete the row, under the guard of `replaces`, which is present
   * then. Only a repository with `deletes` gets such a write.
   */
  readonly value?: JsonValue;
  /**
   * Absent: insert if there is no row, or replace a null row by a value. Leave any other row alone. Present: update or
   * delete the row only if it still is this one (same token, or same value where there are no tokens). Never insert.
   */
  readonly replaces?: StoredValue;
}

export interface InstanceWrites<Id extends InstanceId = InstanceId> {
  readonly id: Id;
  /** May be empty. Then the commit only has to find out whether the instance still exists, and compares the version. */
  readonly values: readonly MetadataWrite[];
  readonly version?: string;
}

export interface RepositoryCommit<Id extends InstanceId = InstanceId> {
  readonly processModelId: string;
  /** Some may be stored, and others new (`null`). */
  readonly expected: readonly {
    readonly id: string;
    readonly revision: string | null;
  }[];
  readonly exhausted?: InstanceRange<Id>;
  /** In ascending cursor order, each instance once. Empty when only records change. */
  readonly instances: readonly InstanceWrites<Id>[];
  /** Pure. Returns a record for each of `expected`. */
  next(outcome: WriteOutcome<Id>): readonly RunRecord[];
}

/** Only the exceptions: every value that is not listed was written. */
export interface WriteOutcome<Id extends InstanceId = InstanceId> {
  /** Instances that no longer exist. Nothing was written for them. */
  readonly gone: readonly Id[];
  /** Values not written, because another writer came first. Leave out those of gone and moved instances. */
  readonly kept: readonly { readonly id: Id; readonly key: string }[];
  /** Instances that have another `version` now than the one given. Nothing was written for them. */
  readonly moved: readonly Id[];
}

export type CommitResult =
  | { readonly status: 'committed' }
  /** Nothing was changed: a record has another revision, or another record holds an active key. */
  | { readonly status: 'conflict' }
  /** Nothing was changed: an instance is left in the `exhausted` range. */
  | { readonly status: 'not-exhausted' };

/** A row of the host's table of runs. Stored whole, by `id`. */
export interface RunRecord {
  /** Of the form [0-9a-z_]{25,64}. */
  readonly id: string;
  /**
   * Of the same form. Records about instances that failed or differ have run ids of their own: that of the run, which has 25 characters,
   * and an ending. So `left(run_id, 25)` finds all that belongs to a run.
   */
  readonly runId: string;
  readonly processModelId: string;
  /**
   * Text of the form [0-9a-z]{16}: new after each change and never reused, so that a change which the
   * database has lost cannot be taken for a later one. `commit` compares it for equality with the expected one.
   */
  readonly revision: string;
  /** UNIQUE where not null, so that equal requests do not become two runs. Null once a run has ended. */
  readonly activeKey: string | null;
  /** Belongs to the library. The README says how large it gets. */
  readonly content: JsonValue;
}

export interface RunFilter {
  /** `null`: of all models. */
  readonly processModelId: string | null;
  /** Only the record with this `activeKey`. `null`: any. */
  readonly activeKey: string | null;
  /** `true`: only records with an `activeKey`. `false`: only those without. `null`: both. */
  readonly active: boolean | null;
  /** Only records with an `id` less than this. `null`: from the newest on. */
  readonly before: string | null;
  readonly limit: number;
}
