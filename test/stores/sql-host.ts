import type { BackfillRepository } from 'process-metadata-backfill';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { EmptyDatabase } from '../../examples/2-sql-databases/databases/empty-database.js';
import { createSqlRepository } from '../../examples/2-sql-databases/repository/sql-repository.js';
import { MODEL } from '../support/instances.js';

type Repository = ReturnType<typeof createSqlRepository>;

export interface TaskFields {
  readonly guid?: string;
  readonly state?: string;
  readonly end?: number | null;
  /** `null`: the document is lost. */
  readonly data: string | null;
  readonly hash?: string;
}

/** A host whose tables are emptied before each test. */
export interface StoreHost {
  readonly repository: BackfillRepository<never, number>;
  insertInstance(fields?: { model?: string; status?: string }): Promise<number>;
  insertThree(fields?: { status?: string }): Promise<[number, number, number]>;
  insertTask(instanceId: number, fields: TaskFields): Promise<void>;
  deleteInstance(id: number): Promise<void>;
  insertMetadata(instanceId: number, key: string, value: string): Promise<void>;
  /** In the second in which the row was inserted. */
  updateMetadata(instanceId: number, key: string, value: string): Promise<unknown>;
  deleteMetadata(instanceId: number, key: string): Promise<void>;
  metadata(instanceId: number): Promise<Record<string, string>>;
  /** Of the rows of an instance, in seconds, by key. */
  metadataTimes(instanceId: number): Promise<Record<string, { created: number; updated: number }>>;
}

/** One that is reached by Kysely. */
export interface SqlHost extends StoreHost, Pick<EmptyDatabase, 'database' | 'dialect'> {
  readonly repository: Repository;
  updateMetadata(instanceId: number, key: string, value: string): Promise<bigint>;
  /** As a host does that also expects others to insert. */
  upsertMetadata(instanceId: number, key: string, value: string): Promise<void>;
}

/** Opens a database for the suite that calls it, and leaves nothing of it behind. */
export function useSqlHost<Opened extends EmptyDatabase>(
  open: () => Promise<Opened>,
): SqlHost & { readonly opened: Opened } {
  let opened: Opened;
  let repository: Repository;
  let inserted = 0;
  let clock = 0;

  beforeAll(async () => {
    opened = await open();
    repository = createSqlRepository(opened.database, opened.dialect);
  });
  afterAll(() => opened?.close());
  beforeEach(async () => {
    const tables = ['process_instance_metadata', 'task', 'json_data', 'process_instance'] as const;
    for (const table of [...tables, 'metadata_backfill_run' as const]) {
      await opened.database.deleteFrom(table).execute();
    }
  });

  const host: SqlHost & { readonly opened: Opened } = {
    get opened() {
      return opened;
    },
    get database() {
      return opened.database;
    },
    get dialect() {
      return opened.dialect;
    },
    get repository() {
      return repository;
    },

    async insertInstance({ model = MODEL, status = 'complete' } = {}) {
      await opened.database
        .insertInto('process_instance')
        .values({ process_model_identifier: model, status })
        .execute();
      const { id } = await opened.database
        .selectFrom('process_instance')
        .select(({ fn }) => fn.max('id').as('id'))
        .executeTakeFirstOrThrow();
      return id;
    },

    async insertThree(fields) {
      return [
        await host.insertInstance(fields),
        await host.insertInstance(fields),
        await host.insertInstance(fields),
      ];
    },

    async insertTask(instanceId, fields) {
      inserted += 1;
      const { guid = `task ${inserted}`, state = 'COMPLETED', end = 1, hash = `hash ${inserted}` } = fields;
      await opened.database
        .insertInto('task')
        .values({ guid, process_instance_id: instanceId, state, json_data_hash: hash, end_in_seconds: end })
        .execute();
      if (fields.data === null) return;
      await opened.database.insertInto('json_data').values({ hash, data: fields.data }).execute();
    },

    async deleteInstance(id) {
      await opened.database.deleteFrom('process_instance').where('id', '=', id).execute();
    },

    async insertMetadata(instanceId, key, value) {
      clock += 1;
      const times = { created_at_in_seconds: clock, updated_at_in_seconds: clock };
      await opened.database
        .insertInto('process_instance_metadata')
        .values({ process_instance_id: instanceId, key, value, ...times })
        .execute();
    },

    async updateMetadata(instanceId, key, value) {
      const { numUpdatedRows } = await opened.database
        .updateTable('process_instance_metadata')
        .set({ value })
        .where('process_instance_id', '=', instanceId)
        .where('key', '=', key)
        .executeTakeFirstOrThrow();
      return numUpdatedRows;
    },

    async upsertMetadata(instanceId, key, value) {
      if ((await host.updateMetadata(instanceId, key, value)) > 0) return;
      try {
        await host.insertMetadata(instanceId, key, value);
      } catch (error) {
        if (!opened.dialect.isUniqueViolation(error)) throw error;
        await host.updateMetadata(instanceId, key, value);
      }
    },

    async deleteMetadata(instanceId, key) {
      await opened.database
        .deleteFrom('process_instance_metadata')
        .where('process_instance_id', '=', instanceId)
        .where('key', '=', key)
        .execute();
    },

    async metadata(instanceId) {
      const rows = await opened.database
        .selectFrom('process_instance_metadata')
        .select(['key', 'value'])
        .where('process_instance_id', '=', instanceId)
        .execute();
      return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
    },

    async metadataTimes(instanceId) {
      const rows = await opened.database
        .selectFrom('process_instance_metadata')
        .select(['key', 'created_at_in_seconds as created', 'updated_at_in_seconds as updated'])
        .where('process_instance_id', '=', instanceId)
        .execute();
      return Object.fromEntries(rows.map(({ key, created, updated }) => [key, { created, updated }]));
    },
  };
  return host;
}
