import { randomUUID } from 'node:crypto';
import type {
  BackfillMode,
  CommitResult,
  InstanceId,
  InstanceSnapshot,
  InstanceWrites,
  JsonValue,
  MetadataWrite,
  PageQuery,
  RunRecord,
  WriteOutcome,
} from 'process-metadata-backfill';
import type { RepositoryFixture } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Sql, SqlDatabase } from '../../../examples/2-embedded-postgres/sql.js';
import { fixtureOf, type Host } from './host.js';
import { type OpenedDatabase, openPglite } from './open-database.js';

/** A host in an open database, with a process model that each test has for itself. */
export interface OpenedHost<Id extends InstanceId>
  extends Omit<RepositoryFixture<Sql, Id>, 'processModelId'> {
  readonly processModelId: string;
  readonly database: SqlDatabase;
  /** Inserts an instance of the model. Without `data`, no task of it has completed. */
  insertOne(data?: JsonValue, fields?: { readonly running?: boolean }): Promise<Id>;
  /** All instances of the model, as one page shows them. */
  read(query?: Partial<Pick<PageQuery<Id>, 'paths'>>): Promise<readonly InstanceSnapshot<Id>[]>;
  readOne(id: Id, keys: readonly string[]): Promise<InstanceSnapshot<Id>>;
  /** Stores a run, and then commits over the stored record, as batches do. */
  commit(instances: readonly InstanceWrites<Id>[], fields?: CommitFields): Promise<Committed<Id>>;
  newRecord(): RunRecord;
}

export interface CommitFields {
  /** Records to store beside that of the run. */
  readonly newRecords?: readonly RunRecord[];
}

export interface Committed<Id extends InstanceId> {
  readonly result: CommitResult;
  readonly outcome: WriteOutcome<Id> | null;
  /** How many statements were sent outside of transactions, and how many transactions were begun. */
  readonly statements: number;
  readonly transactions: number;
}

/** Opens the host for the suite that calls it. */
export function useHost<Id extends InstanceId>(
  host: Host<Id>,
  open: (schema: string) => Promise<OpenedDatabase> = openPglite,
): () => OpenedHost<Id> {
  let opened: OpenedDatabase | undefined;
  let model = '';
  beforeAll(async () => {
    opened = await open(host.schema);
  });
  beforeEach(() => {
    model = randomUUID();
  });
  afterAll(() => opened?.close());
  return () => {
    if (opened === undefined) throw new Error('the database is not open');
    return openedHost(host, opened.database, model);
  };
}

export function openedHost<Id extends InstanceId>(
  host: Host<Id>,
  database: SqlDatabase,
  processModelId: string,
): OpenedHost<Id> {
  const sent = { statements: 0, transactions: 0 };
  const fixture = fixtureOf(host, {
    query(...statement) {
      sent.statements += 1;
      return database.query(...statement);
    },
    transaction(work) {
      sent.transactions += 1;
      return database.transaction(work);
    },
  });
  const { repository } = fixture;
  const { signal } = new AbortController();

  const one: OpenedHost<Id> = {
    ...fixture,
    processModelId,
    database,

    async insertOne(data, { running = true } = {}) {
      const task = (value: JsonValue) => ({
        id: randomUUID(),
        state: 'COMPLETED' as const,
        endedAt: new Date(1000),
        data: value,
      });
      const tasks = data === undefined ? [] : [task(data)];
      const [id] = await fixture.insertInstances([{ processModelId, running, tasks }]);
      if (id === undefined) throw new Error('expected an id');
      return id;
    },

    async read({ paths = pathsTo('city') } = {}) {
      const all = { processModelId, instanceIds: null, after: null, signal };
      const { upTo } = await repository.surveyInstances({ ...all, limit: null });
      if (upTo === null) return [];
      const page = await repository.readInstances({ ...all, upTo, limit: 1000, paths });
      return page.filter((entry): entry is InstanceSnapshot<Id> => !('filled' in entry));
    },

    async readOne(id, keys) {
      const page = await one.read({ paths: pathsTo(...keys) });
      const found = page.find((snapshot) => snapshot.id === id);
      if (found === undefined) throw new Error(`expected ${id} in the page`);
      return found;
    },

    newRecord() {
      const id = randomUUID();
      return { id, runId: id, processModelId, revision: 'first', activeKey: null, content: {} };
    },

    async commit(instances, { newRecords = [] } = {}) {
      const run = one.newRecord();
      const expected = [{ id: run.id, revision: null }];
      await repository.commit({ processModelId, expected, instances: [], next: () => [run] });
      const before = { ...sent };
      let outcome: WriteOutcome<Id> | null = null;
      const result = await repository.commit({
        processModelId,
        expected: [
          { id: run.id, revision: run.revision },
          ...newRecords.map(({ id }) => ({ id, revision: null })),
        ],
        instances,
        next(given) {
          outcome = given;
          return [{ ...run, revision: 'second' }, ...newRecords];
        },
      });
      return {
        result,
        outcome,
        statements: sent.statements - before.statements,
        transactions: sent.transactions - before.transactions,
      };
    },
  };
  return one;
}

export function pathsTo(...keys: readonly string[]): PageQuery['paths'] {
  return keys.map((key) => ({ key, segments: [key], mode: 'overwrite' satisfies BackfillMode }));
}

export function fill(key: string, value: JsonValue): MetadataWrite {
  return { key, value };
}

/** Everything was written. */
export const ALL_WRITTEN = { gone: [], kept: [], moved: [] };
