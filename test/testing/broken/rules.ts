import { isDeepStrictEqual } from 'node:util';
import {
  type Cursor,
  extractMetadata,
  type FilledInstances,
  type FormattedValue,
  formatMetadataValue,
  type InstanceId,
  type JsonValue,
  type MetadataWrite,
  type PageEntry,
  type PagePath,
  type PageQuery,
  type RepositoryCommit,
  type RunFilter,
  type RunRecord,
  type SettledAnswer,
  type StoredValue,
  type TaskData,
} from 'process-metadata-backfill';
import type { FixtureInstance, FixtureTask } from 'process-metadata-backfill/testing';

export interface Row {
  readonly value: JsonValue;
  /** Grows with every write of any row of any instance. */
  readonly version: number;
  /** How many writes the row has had since it was inserted. */
  readonly writes: number;
  /** Whether a commit wrote it, not the host. */
  readonly isCommitted: boolean;
}

export interface StoredInstance extends FixtureInstance {
  readonly key: InstanceId;
  readonly cursor: number;
  readonly tasks: readonly FixtureTask[];
  readonly isBroken: boolean;
  readonly isDeleted: boolean;
  readonly rows: ReadonlyMap<string, Row>;
}

/** Who reads instances. A page is to fill if this is the mode of all of its paths. */
export type Reader = 'survey' | 'split' | 'page' | 'page to fill' | 'commit';

/** What one commit is to write. */
export type Batch = RepositoryCommit['instances'];

export interface InstanceWork {
  readonly rows: ReadonlyMap<string, Row>;
  readonly writes: readonly MetadataWrite[];
}

/** A value that a commit did not write, because of the row that is there or was there. */
export interface KeptValue {
  readonly id: InstanceId;
  readonly key: string;
  readonly write: MetadataWrite;
  readonly row: Row | undefined;
}

export type ReadPage = (query: PageQuery) => Promise<readonly PageEntry[]>;

/** The decisions of a repository, one by one. A broken repository makes just one of them wrongly. */
export interface Rules {
  /** The cursor of the nth instance, where `first` is the number of the first that was inserted at once with it. */
  cursorOf(n: number, first: number): number;
  /** The cursor as an answer has it. */
  shownCursor(cursor: number): Cursor;
  /** Whether a read finds an instance. */
  isReadable(instance: StoredInstance): boolean;
  /** Whether a deleted instance is only marked, and keeps its rows. */
  readonly softDeletes: boolean;
  /** Whether a commit finds an instance. */
  isLiving(instance: StoredInstance): boolean;
  isSelected(
    instance: StoredInstance,
    processModelId: string,
    ids: readonly InstanceId[] | null,
    reader: Reader,
  ): boolean;
  /** The cursor after which a range begins. */
  startOf(after: number, isStillThere: boolean): number;
  isAfter(cursor: number, after: number, reader: Reader): boolean;
  isUpTo(cursor: number, upTo: number, reader: Reader): boolean;
  compareCursors(a: number, b: number): number;
  /** @param found in the order of their cursors */
  pageOf(
    found: readonly StoredInstance[],
    limit: number,
    paths: readonly PagePath[],
  ): readonly StoredInstance[];
  surveyOf(
    found: readonly StoredInstance[],
    limit: number | null,
    ids: readonly InstanceId[] | null,
  ): { total: number; upTo: number | null };
  splitAt(found: readonly StoredInstance[], parts: number): readonly number[];
  /** @param read reads a page as it is now */
  answerPage(query: PageQuery, read: ReadPage): Promise<readonly PageEntry[]>;
  /** What an aborted read answers, if it does not throw. */
  onAbort(reason: unknown): readonly [];
  isLeft(found: readonly StoredInstance[]): boolean;

  newestTask(tasks: readonly FixtureTask[]): FixtureTask | undefined;
  /** Whether a page passes over an instance. */
  isFilled(paths: readonly PagePath[], rows: ReadonlyMap<string, Row>): boolean;
  /** @param before the entry for the filled instances right before it */
  passedOver(cursor: number, before: FilledInstances | null): FilledInstances;
  needsData(paths: readonly PagePath[], rows: ReadonlyMap<string, Row>): boolean;
  dataOf(task: FixtureTask, paths: readonly PagePath[]): TaskData;
  bytesOf(data: TaskData): number | undefined;
  /** Whether a page reads the rows in a statement after that with the documents. */
  readonly readsRowsLast: boolean;
  brokenData(): TaskData;
  shownRows(rows: ReadonlyMap<string, Row>, paths: readonly PagePath[]): readonly (readonly [string, Row])[];
  shownValue(row: Row, mode: PagePath['mode'] | undefined): JsonValue;
  token(row: Row, key: string): string | undefined;
  isRunning(instance: StoredInstance): boolean | undefined;
  /** @param task the newest completed task */
  version(task: FixtureTask | undefined): string;

  /** @param all the rows of the instance, and what is written to it */
  mayFill(row: Row | undefined, value: JsonValue, all: InstanceWork): boolean;
  mayReplace(row: Row | undefined, replaces: StoredValue, key: string, rules: Rules): boolean;
  /** As `mayReplace`, for a null over the row. */
  mayNull(row: Row, replaces: StoredValue, key: string, rules: Rules): boolean;
  mayDelete(row: Row | undefined, replaces: StoredValue, key: string, rules: Rules): boolean;
  /** The keys whose rows a delete removes. */
  deletedKeys(key: string, rows: ReadonlyMap<string, Row>): readonly string[];
  /** What is left of a deleted row. */
  leftOfDeleted(row: Row | undefined, batch: Batch): 'nothing' | 'null';
  /** Whether a missing row stays missing. */
  neverInserts(write: MetadataWrite): boolean;
  reportedKept(
    kept: readonly KeptValue[],
    batch: Batch,
  ): readonly { readonly id: InstanceId; readonly key: string }[];
  reportedGone(gone: readonly InstanceId[], batch: Batch): readonly InstanceId[];
  /**
   * @param given `undefined` where the commit gets no version
   * @param areOthersGiven whether the commit gets the version of any instance
   */
  hasMoved(current: string, given: string | undefined, areOthersGiven: boolean): boolean;
  reportedMoved(moved: readonly InstanceId[]): readonly InstanceId[];
  /** What a commit compares as it was when it was called, not as it is once the commit has its turn. */
  readonly early: 'versions' | 'revisions' | 'new records' | 'active keys' | null;
  /** What a commit looks up, and uses after others had a turn. */
  readonly stale: 'instances' | 'rows' | null;
  /** The order in which a commit locks instances and records. */
  lockedInstances(ids: readonly InstanceId[]): readonly InstanceId[];
  lockedRecords(ids: readonly string[]): readonly string[];
  /** Whether a deadlock ends the commit. Otherwise it ends the host's transaction. */
  readonly losesDeadlocks: boolean;
  /** Whether a value is a `conflict` if its row has appeared while the commit waited. */
  readonly conflictsOnNewRows: boolean;
  /** Whether nothing of a batch is written of which an instance has moved. */
  readonly movesAsAWhole: boolean;
  storedValue(value: JsonValue, write: MetadataWrite, batch: Batch): JsonValue;
  formatValue(value: JsonValue): FormattedValue;
  /** The keys under which a value is stored. */
  storedKeys(
    key: string,
    rows: ReadonlyMap<string, Row>,
    write: MetadataWrite,
    batch: Batch,
  ): readonly string[];
  readonly maxKeyLength: number;
  readonly mostInstances: number;
  readonly mostValues: number;

  /** The records whose revisions a commit compares. */
  comparedRecords(expected: RepositoryCommit['expected']): RepositoryCommit['expected'];
  isExpected(stored: string | null, expected: string | null, batch: Batch): boolean;
  isKeyTaken(activeKey: string, others: readonly RunRecord[], isNew: boolean): boolean;
  storedRecords(records: readonly RunRecord[], isStored: (id: string) => boolean): readonly RunRecord[];
  storedContent(content: JsonValue): JsonValue;
  /** Undoes a commit that was refused or failed. */
  rollBack(restore: () => void, commit: { readonly hasFailed: boolean; readonly isInside: boolean }): void;
  loaded(records: readonly RunRecord[], runId: string): readonly RunRecord[];
  isFound(record: RunRecord, filter: RunFilter): boolean;
  sortRuns(a: RunRecord, b: RunRecord): number;
  foundPage(records: readonly RunRecord[], limit: number): readonly RunRecord[];
  /** @param open the transactions that are open now, by number @param given the mark, or `null` for a new one */
  settled(open: ReadonlySet<string>, given: string | null): SettledAnswer;
  isPartOf(transaction: unknown): boolean;
  /** Whether `next` is called before anything is written, too, and its error ends the commit. */
  readonly callsNextFirst: boolean;
  /** Whether reads in a transaction of the host see what it has written. */
  readonly seesInside: boolean;
  /** Called after a commit inside a transaction of the host. */
  afterInside(restore: () => void): void;
}

export const SOUND: Rules = {
  cursorOf: (n) => n,
  shownCursor: (cursor) => cursor,
  isReadable: ({ isDeleted }) => !isDeleted,
  softDeletes: false,
  isLiving: ({ isDeleted }) => !isDeleted,
  isSelected: (instance, processModelId, ids) =>
    instance.processModelId === processModelId && (ids === null || ids.includes(instance.key)),
  startOf: (after) => after,
  isAfter: (cursor, after) => cursor > after,
  isUpTo: (cursor, upTo) => cursor <= upTo,
  compareCursors: (a, b) => a - b,
  pageOf: (found, limit) => found.slice(0, limit),
  surveyOf(found, limit) {
    const counted = found.slice(0, limit ?? undefined);
    return { total: counted.length, upTo: counted.at(-1)?.cursor ?? null };
  },
  splitAt(found, parts) {
    const size = Math.ceil(found.length / parts);
    return found
      .filter((_, index) => (index + 1) % size === 0 && index + 1 < found.length)
      .map(({ cursor }) => cursor);
  },
  answerPage: (query, read) => read(query),
  onAbort(reason) {
    throw reason;
  },
  isLeft: (found) => found.length > 0,

  newestTask: (tasks) =>
    tasks
      .filter(({ state }) => state === 'COMPLETED')
      .toSorted((a, b) => timeOf(b) - timeOf(a) || (a.id < b.id ? -1 : 1))[0],
  isFilled: (paths, rows) =>
    paths.every(({ key, mode }) => mode === 'fill' && (rows.get(key)?.value ?? null) !== null),
  passedOver: (cursor, before) => ({ cursor, filled: (before?.filled ?? 0) + 1 }),
  needsData: (paths, rows) =>
    paths.some(({ key, mode }) => mode === 'overwrite' || (rows.get(key)?.value ?? null) === null),
  dataOf(task, paths) {
    const found = paths.flatMap(({ key, segments }): [string, JsonValue][] => {
      if (segments.length === 0) return [[key, task.data]];
      const { value = null } = extractMetadata(task.data, [{ key: 'value', path: segments }]);
      return value !== null || isStoredNull(task.data, segments) ? [[key, value]] : [];
    });
    return { form: 'values', values: new Map(found) };
  },
  bytesOf: (data) => (data.form === 'values' ? JSON.stringify([...data.values]).length : 0),
  readsRowsLast: false,
  brokenData: () => ({ form: 'unreadable', reason: 'the document is broken' }),
  shownRows: (rows, paths) => [...rows].filter(([key]) => paths.some((path) => path.key === key)),
  shownValue: ({ value }) => value,
  token: ({ version }) => String(version),
  isRunning: ({ running }) => running,
  version: (task) => task?.id ?? '',

  mayFill: (row, value) => row === undefined || (row.value === null && value !== null),
  mayReplace: isStillAsRead,
  mayNull: isStillAsRead,
  mayDelete: isStillAsRead,
  deletedKeys: (key) => [key],
  leftOfDeleted: () => 'nothing',
  neverInserts: ({ replaces }) => replaces !== undefined,
  reportedKept: (kept) => kept,
  reportedGone: (gone) => gone,
  hasMoved: (current, given) => given !== undefined && current !== given,
  reportedMoved: (moved) => moved,
  early: null,
  stale: null,
  lockedInstances: (ids) => ids,
  lockedRecords: (ids) => ids.toSorted(),
  losesDeadlocks: false,
  conflictsOnNewRows: false,
  movesAsAWhole: false,
  storedValue: (value) => value,
  storedKeys: (key) => [key],
  maxKeyLength: 255,
  formatValue: (value) => formatMetadataValue(value, { maxLength: 255 }),
  mostInstances: Number.POSITIVE_INFINITY,
  mostValues: Number.POSITIVE_INFINITY,

  comparedRecords: (expected) => expected,
  isExpected: (stored, expected) => stored === expected,
  isKeyTaken: (activeKey, others) => others.some((other) => other.activeKey === activeKey),
  storedRecords: (records) => records,
  storedContent: (content) => content,
  rollBack: (restore) => restore(),
  loaded: (records, runId) => records.filter((record) => record.runId === runId),
  isFound: (record, { processModelId, activeKey, active, before }) =>
    record.id === record.runId &&
    (processModelId === null || record.processModelId === processModelId) &&
    (activeKey === null || record.activeKey === activeKey) &&
    (active === null || (record.activeKey !== null) === active) &&
    (before === null || record.id < before),
  sortRuns: (a, b) => (a.id < b.id ? 1 : -1),
  foundPage: (records, limit) => records.slice(0, limit),
  settled(open, given) {
    const mark = given ?? [...open].join(' ');
    return { mark, settled: mark.split(' ').every((number) => !open.has(number)) };
  },
  isPartOf: (transaction) => transaction !== undefined,
  callsNextFirst: false,
  seesInside: true,
  afterInside() {},
};

function isStillAsRead(row: Row | undefined, replaces: StoredValue, key: string, rules: Rules): boolean {
  return row !== undefined && rules.token(row, key) === replaces.token;
}

export function timeOf({ endedAt }: FixtureTask): number {
  return endedAt?.getTime() ?? Number.MIN_SAFE_INTEGER;
}

function isStoredNull(data: JsonValue, segments: readonly string[]): boolean {
  const [last = '', ...rest] = segments.toReversed();
  const parent = rest.reduceRight<unknown>((value, name) => Object(value)[name], data);
  return isDeepStrictEqual(Object.getOwnPropertyDescriptor(Object(parent), last)?.value, null);
}
