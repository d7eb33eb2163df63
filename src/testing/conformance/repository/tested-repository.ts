import { randomBytes } from 'node:crypto';
import type { JsonValue } from '../../../extraction/json-value.js';
import type {
  BackfillRepository,
  CommitResult,
  Cursor,
  FilledInstances,
  InstanceId,
  InstanceSnapshot,
  InstanceSurvey,
  InstanceWrites,
  InTransaction,
  MetadataWrite,
  PageEntry,
  PagePath,
  PageQuery,
  RepositoryCommit,
  RunRecord,
  StoredValue,
  SurveyQuery,
  WriteOutcome,
} from '../../../ports/repository.js';
import { isFilled, snapshotsOf } from '../../../run/calls/page-entries.js';
import { expectEqual, fixtureError, notOffered, ownError, sorted } from '../expectations.js';
import { namingErrors } from './naming-errors.js';
import type { FixtureInstance, FixtureTask, RepositoryFixture } from './repository-fixture.js';
import { retried } from './retried.js';

/** The answer of a commit, and what the last call of `next` got. */
export interface Committed {
  readonly result: CommitResult;
  readonly outcome: WriteOutcome | null;
}

type CommitOptions = Parameters<BackfillRepository<unknown>['commit']>[1];

/** What a case has found out about the host, for the cases after it. */
export interface Findings {
  /** Whether somebody can act beside an open transaction. */
  hasSeveralConnections?: boolean;
}

type RecordFields = Partial<Omit<RunRecord, 'content'>> & {
  readonly content?: Readonly<Record<string, JsonValue>>;
};

/** A repository under test, with shortcuts for the cases. */
export interface TestedRepository {
  readonly fixture: RepositoryFixture<unknown>;
  readonly repository: BackfillRepository<unknown>;
  /** No other case uses this model. */
  readonly processModelId: string;
  /** Another model that no other case uses. Its name is that of the case's model with this at its end. */
  otherModel(ending: string): string;
  /** The id of the model with this name. The name itself, unless the host cannot store it. */
  modelId(name: string): string;
  /** A text that no other case uses, for names. */
  readonly salt: string;
  readonly patienceMs: number;
  readonly findings: Findings;
  /** A run id that no other case uses. It sorts behind the ids of all earlier calls. */
  newRunId(): string;
  /** Inserts an instance. By default it is of the case's model, has ended and has no tasks. */
  insert(instance?: Partial<FixtureInstance>): Promise<InstanceId>;
  insertMany(count: number): Promise<readonly InstanceId[]>;
  /** Inserts such instances as the host inserts many at once. */
  insertTogether(count: number): Promise<readonly InstanceId[]>;
  survey(query?: Partial<SurveyQuery>): Promise<InstanceSurvey>;
  /** By default from the beginning to behind the last instance. */
  readPage(query?: Partial<PageQuery>): Promise<readonly PageEntry[]>;
  /** The same, with a snapshot in place of each filled instance that the page skips. */
  read(query?: Partial<PageQuery>): Promise<readonly InstanceSnapshot[]>;
  readOne(id: InstanceId, query?: Partial<PageQuery>): Promise<InstanceSnapshot>;
  cursorOf(id: InstanceId, query?: Partial<PageQuery>): Promise<Cursor>;
  /** The row of an instance under `key`, as a page shows it. */
  readRow(id: InstanceId, key: string): Promise<StoredValue>;
  /** The stored form of a value: the value itself, or its text (see `formatValue`). */
  form(value: JsonValue): JsonValue;
  setMetadata(id: InstanceId, key: string, value: JsonValue, options?: InTransaction<unknown>): Promise<void>;
  /** A record as a newer version of the library might store it. */
  record(fields?: RecordFields): RunRecord;
  /**
   * Writes values along with the next state of a stored run, as a batch does. Tries again after a transient error, unless
   * it is part of a transaction or the only try.
   */
  write(
    instances: readonly InstanceWrites[],
    fields?: Partial<RepositoryCommit>,
    options?: CommitOptions & { readonly isOnlyTry?: boolean },
  ): Promise<Committed>;
  /** Stores the record of a new run. Returns the fields of a commit that changes it. */
  storeRun(): Promise<Pick<RepositoryCommit, 'expected' | 'next'>>;
  /** Stores new records. */
  store(...records: readonly RunRecord[]): Promise<CommitResult>;
  expectMetadata(id: InstanceId, expected: Readonly<Record<string, JsonValue>>): Promise<void>;
  expectRecords(runId: string, expected: readonly RunRecord[]): Promise<void>;
  /** Deletes what the case has left, and closes the fixture. */
  close(): Promise<void>;
}

export function testedRepository(created: RepositoryFixture<unknown>, findings: Findings): TestedRepository {
  const instanceIds = new Set<InstanceId>();
  const deletedIds = new Set<InstanceId>();
  const runIds = new Set<string>();
  const fixture = namingErrors(created, {
    async deleteInstance(id) {
      await created.deleteInstance(id);
      deletedIds.add(id);
    },
  });
  const { repository } = fixture;
  const name = `${Date.now().toString(36).padStart(9, '0')}${randomBytes(7).toString('hex')}`;
  const salt = randomBytes(6).toString('hex');
  const modelId = (text: string) => fixture.processModelId?.(text) ?? text;
  const otherModel = (ending: string) => modelId(`conformance/${salt}${ending}`);
  const processModelId = otherModel('');
  const { signal } = new AbortController();
  const empty: FixtureInstance = { processModelId, running: false, tasks: [] };
  let runs = 0;

  /** The cursor of an instance that was deleted again. So no case depends on whether `upTo` is inclusive. */
  async function cursorBehindAll(model: string): Promise<Cursor> {
    const id = await host.insert({ processModelId: model });
    const { upTo } = await host.survey({ processModelId: model });
    await fixture.deleteInstance(id);
    if (upTo === null) throw ownError('surveyInstances found no instance, although there is one');
    return upTo;
  }

  async function fullQuery(query: Partial<PageQuery> = {}): Promise<PageQuery> {
    const upTo = query.upTo ?? (await cursorBehindAll(query.processModelId ?? processModelId));
    const all = { processModelId, instanceIds: null, after: null, limit: 100, paths: pathsToFill('city') };
    return { ...all, upTo, signal, ...query };
  }

  /** Snapshots of the filled instances. A page for `overwrite` paths shows them. */
  async function snapshotsOfFilled(
    { cursor, filled }: FilledInstances,
    query: PageQuery,
  ): Promise<InstanceSnapshot[]> {
    const paths = query.paths.map((path): PagePath => ({ ...path, mode: 'overwrite' }));
    const page = await repository.readInstances({ ...query, upTo: cursor, limit: filled + 1, paths });
    const found = snapshotsOf(page);
    expectEqual('how many instances there are up to the last filled one', found.length, filled);
    const stored = new Map(paths.map(({ key }) => [key, { value: true }]));
    return found.map(({ id, cursor }) => ({ id, cursor, data: { form: 'none' }, stored }));
  }

  async function insertAll(
    instances: readonly FixtureInstance[],
    method: 'insertInstances' | 'insertTogether' = 'insertInstances',
  ): Promise<readonly InstanceId[]> {
    const given = fixture.oneDocument ? instances.map(withOneTask) : instances;
    if (fixture[method] === undefined) notOffered(`the fixture has no \`${method}\``);
    const ids: unknown = await fixture[method](given);
    if (!Array.isArray(ids)) throw fixtureError(method, 'it returned no list of ids');
    for (const id of ids) instanceIds.add(id);
    if (ids.length !== instances.length || ids.some((id) => id === undefined))
      throw fixtureError(method, `it returned ${ids.length} ids for ${instances.length} instances`);
    return ids;
  }

  const host: TestedRepository = {
    fixture,
    repository,
    processModelId,
    otherModel,
    modelId,
    salt,
    findings,
    patienceMs: fixture.patienceMs ?? 10_000,

    newRunId() {
      runs += 1;
      return `${name}${String(runs).padStart(2, '0')}`; // in the form of the library's own ids: [0-9a-z]{25}
    },

    async insert(instance) {
      const [id = ''] = await insertAll([{ ...empty, ...instance }]);
      return id;
    },

    insertMany: (count) => insertAll(Array.from({ length: count }, () => empty)),

    insertTogether: (count) =>
      insertAll(
        Array.from({ length: count }, () => empty),
        'insertTogether',
      ),

    survey: (query = {}) =>
      repository.surveyInstances({
        processModelId,
        instanceIds: null,
        after: null,
        limit: null,
        signal,
        ...query,
      }),

    readPage: async (query) => repository.readInstances(await fullQuery(query)),

    async read(query) {
      const all = await fullQuery(query);
      const snapshots: InstanceSnapshot[] = [];
      let { after } = all;
      for (const entry of await repository.readInstances(all)) {
        if (isFilled(entry)) snapshots.push(...(await snapshotsOfFilled(entry, { ...all, after })));
        else snapshots.push(entry);
        after = entry.cursor;
      }
      return snapshots;
    },

    async readOne(id, query) {
      const found = (await host.read(query)).find((snapshot) => snapshot.id === id);
      if (found === undefined) throw ownError(`the page has no instance ${JSON.stringify(id)}`);
      return found;
    },

    cursorOf: async (id, query) => (await host.readOne(id, query)).cursor,

    async readRow(id, key) {
      const { stored } = await host.readOne(id, { paths: pathsTo(key) });
      const row = stored.get(key);
      if (row === undefined) throw ownError(`the page shows no row under ${JSON.stringify(key)}`);
      return row;
    },

    form: (value) => (value === null ? null : (repository.formatValue?.(value).text ?? value)),

    setMetadata: (id, key, value, options) => fixture.setMetadata(id, key, host.form(value), options),

    record: (fields = {}) => {
      const id = fields.id ?? host.newRunId();
      const content = { ...OF_NEWER_VERSION, ...fields.content };
      return { id, runId: id, processModelId, revision: REVISION, activeKey: null, ...fields, content };
    },

    async write(instances, fields = {}, { isOnlyTry = false, ...options } = {}) {
      const { expected, next } = { ...(fields.expected === undefined && (await host.storeRun())), ...fields };
      if (expected === undefined || next === undefined) throw new TypeError('`expected` needs a `next`');
      let outcome: WriteOutcome | null = null;
      const commit = () =>
        repository.commit(
          {
            processModelId,
            instances,
            ...fields,
            expected,
            next(given) {
              outcome = given;
              const records = next(given);
              for (const { runId } of records) runIds.add(runId);
              return records;
            },
          },
          ...(options.transaction === undefined ? [] : [options]),
        );
      // A transient error ends a transaction of the host.
      const isTriedOnce = isOnlyTry || options.transaction !== undefined;
      const result = await (isTriedOnce ? commit() : retried(repository, commit, host.patienceMs));
      return { result, outcome };
    },

    async storeRun() {
      const record = host.record();
      await host.store(record);
      const next = () => [{ ...record, revision: NEXT_REVISION }];
      return { expected: [{ id: record.id, revision: REVISION }], next };
    },

    async store(...records) {
      const expected = records.map(({ id }) => ({ id, revision: null }));
      return (await host.write([], { expected, next: () => records })).result;
    },

    async expectMetadata(id, expected) {
      const forms = Object.entries(expected).map(([key, value]) => [key, host.form(value)]);
      const rows = { ...(await fixture.metadata(id)) };
      expectEqual('the metadata of the instance', rows, Object.fromEntries(forms));
    },

    async expectRecords(runId, expected) {
      const records = await repository.loadRun(runId);
      expectEqual('the records of the run', sorted(records.map(plain)), sorted(expected.map(plain)));
    },

    async close() {
      try {
        if (fixture.clear) await fixture.clear({ instanceIds: [...instanceIds], runIds: [...runIds] });
        else for (const id of instanceIds) if (!deletedIds.has(id)) await fixture.deleteInstance(id);
      } finally {
        await fixture.close?.();
      }
    },
  };
  return host;
}

/** Workers and sweeps of the host leave such a run alone. */
const OF_NEWER_VERSION = { format: Number.MAX_SAFE_INTEGER };

/** The one that the records of a case have, and others. A column for numbers would take the first three for zero. */
export const REVISION = '000000000000e105';
export const NEXT_REVISION = '000000000000e106';
export const OTHER_REVISIONS: readonly string[] = [
  NEXT_REVISION,
  '0000000000000000',
  '00000000000e1050',
  'a00000000000e105',
];

/** Only the fields of a record, in a fixed order. A database may return other fields, too. */
export function plain({ id, runId, processModelId, revision, activeKey, content }: RunRecord): RunRecord {
  return { id, runId, processModelId, revision, activeKey, content };
}

/** Paths to overwrite. Only for these must a page show the stored values. */
export function pathsTo(...keys: readonly string[]): PagePath[] {
  return keys.map((key) => ({ key, segments: [key], mode: 'overwrite' }));
}

export function pathsToFill(...keys: readonly string[]): PagePath[] {
  return pathsTo(...keys).map((path) => ({ ...path, mode: 'fill' }));
}

/** A write that fills: only where there is no value. */
export function fill(key: string, value: JsonValue): MetadataWrite {
  return { key, value };
}

let tasks = 0;
const salt = randomBytes(9).toString('hex');

/** A completed task. Its id is a UUID that sorts behind the ids of all earlier tasks. */
export function task(data: JsonValue, fields: Partial<FixtureTask> = {}): FixtureTask {
  tasks += 1;
  const head = salt.replace(/^(.{8})(.{4})(.{3})(.{3})$/, '$1-$2-7$3-8$4');
  const id = `${head}-${tasks.toString(16).padStart(12, '0')}`;
  return { id, state: 'COMPLETED', endedAt: at(1), data, ...fields };
}

/** The same instance with only its newest completed task. */
function withOneTask({ tasks, ...instance }: FixtureInstance): FixtureInstance {
  const completed = tasks.filter(({ state }) => state === 'COMPLETED');
  const time = ({ endedAt }: FixtureTask) => endedAt?.getTime() ?? Number.NEGATIVE_INFINITY;
  return { ...instance, tasks: completed.sort((a, b) => time(b) - time(a)).slice(0, 1) };
}

/** The time `seconds` after 1970. */
export function at(seconds: number): Date {
  return new Date(seconds * 1000);
}
