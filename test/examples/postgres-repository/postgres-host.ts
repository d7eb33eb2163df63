import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { createPostgresRepository } from '../../../examples/1-embedded-postgres/postgres-repository.js';
import { pgliteDatabase } from '../../../examples/1-embedded-postgres/sql.js';
import type { StoreHost } from '../../stores/sql-host.js';
import { openEmbeddedPostgres } from '../../support/embedded-postgres.js';
import { MODEL } from '../../support/instances.js';

type Repository = ReturnType<typeof createPostgresRepository>;

/** The repository of example 1 in the suite that calls it, its tables emptied before each test. */
export function usePostgresHost(): StoreHost & { readonly pglite: PGlite; readonly repository: Repository } {
  let pglite: PGlite;
  let repository: Repository;
  let inserted = 0;

  beforeAll(async () => {
    pglite = await openEmbeddedPostgres();
    repository = createPostgresRepository(pgliteDatabase(pglite));
  }, 60_000);
  afterAll(() => pglite.close());
  beforeEach(() =>
    pglite.exec(`truncate process_instance, task, json_data, process_instance_metadata, metadata_backfill_run
      restart identity`),
  );

  async function insertInstance({ model = MODEL, status = 'complete' } = {}): Promise<number> {
    const { rows } = await pglite.query<{ id: number }>(
      'insert into process_instance (process_model_identifier, status) values ($1, $2) returning id',
      [model, status],
    );
    return rows[0]?.id ?? Number.NaN;
  }

  return {
    get pglite() {
      return pglite;
    },
    get repository() {
      return repository;
    },
    insertInstance,
    async insertThree(fields) {
      return [await insertInstance(fields), await insertInstance(fields), await insertInstance(fields)];
    },
    async insertTask(instanceId, fields) {
      inserted += 1;
      const {
        guid = `task ${inserted}`,
        state = 'COMPLETED',
        end = 1,
        data,
        hash = `hash ${inserted}`,
      } = fields;
      await pglite.query('insert into task values ($1, $2, $3, $4, $5)', [
        guid,
        instanceId,
        state,
        hash,
        end,
      ]);
      if (data !== null) await pglite.query('insert into json_data values ($1, $2)', [hash, data]);
    },
    async deleteInstance(id) {
      await pglite.query('delete from process_instance where id = $1', [id]);
    },
    async insertMetadata(instanceId, key, value) {
      await pglite.query('insert into process_instance_metadata values (default, $1, $2, $3, 0, 0)', [
        instanceId,
        key,
        value,
      ]);
    },
    async updateMetadata(instanceId, key, value) {
      const update =
        'update process_instance_metadata set value = $3 where process_instance_id = $1 and key = $2';
      await pglite.query(update, [instanceId, key, value]);
    },
    async deleteMetadata(instanceId, key) {
      const remove = 'delete from process_instance_metadata where process_instance_id = $1 and key = $2';
      await pglite.query(remove, [instanceId, key]);
    },
    async metadata(instanceId) {
      const { rows } = await pglite.query<{ key: string; value: string }>(
        'select key, value from process_instance_metadata where process_instance_id = $1',
        [instanceId],
      );
      return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
    },
    async metadataTimes(instanceId) {
      const { rows } = await pglite.query<{ key: string; created: number; updated: number }>(
        `select key, created_at_in_seconds as created, updated_at_in_seconds as updated
         from process_instance_metadata where process_instance_id = $1`,
        [instanceId],
      );
      return Object.fromEntries(rows.map(({ key, created, updated }) => [key, { created, updated }]));
    },
  };
}
