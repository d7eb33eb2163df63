import { createPostgresRepository } from '../../examples/1-embedded-postgres/postgres-repository.js';
import { pgliteDatabase } from '../../examples/1-embedded-postgres/sql.js';
import type { BackfillRepository } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { openEmbeddedPostgres } from './embedded-postgres.js';
import { instance, MODEL } from './instances.js';

/** A store with the means of the host whose live instances it holds. Instances are numbered from 1. */
export interface LiveStore {
  readonly repository: BackfillRepository;
  /** Saves an instance that is still running: the data of a new completed task. */
  insert(id: number, data: object): Promise<void>;
  completeTask(id: number, data: object): Promise<void>;
  delete(id: number): Promise<void>;
  setMetadata(id: number, key: string, value: string): Promise<void>;
  deleteMetadata(id: number, key: string): Promise<void>;
  metadata(id: number): Promise<Record<string, unknown>>;
  /** Leaves no instance, metadata or run. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function memoryStore(): Promise<LiveStore> {
  let repository = createMemoryRepository();
  const tasks = new Map<number, { state: string; endedAt: number; data: object }[]>();
  return {
    get repository() {
      return repository;
    },
    async insert(id, data) {
      tasks.set(id, [{ state: 'COMPLETED', endedAt: 1, data }]);
      repository.insertInstance(instance(id, data, { running: true }));
    },
    async completeTask(id, data) {
      const list = tasks.get(id) ?? [];
      list.push({ state: 'COMPLETED', endedAt: list.length + 1, data });
      repository.updateInstance(id, { tasks: list });
    },
    delete: async (id) => repository.deleteInstance(id),
    setMetadata: async (id, key, value) => repository.setMetadata(id, key, value),
    deleteMetadata: async (id, key) => repository.deleteMetadata(id, key),
    metadata: async (id) => repository.metadata(id) ?? {},
    async clear() {
      repository = createMemoryRepository();
    },
    close: async () => {},
  };
}

export async function pgliteStore(): Promise<LiveStore> {
  const pglite = await openEmbeddedPostgres();
  let tasks = 0;
  async function completeTask(id: number, data: object): Promise<void> {
    tasks += 1;
    await pglite.query('insert into json_data values ($1, $2)', [`hash ${tasks}`, JSON.stringify(data)]);
    await pglite.query(`insert into task values ($1, $2, 'COMPLETED', $3, $4)`, [
      `task ${tasks}`,
      id,
      `hash ${tasks}`,
      tasks,
    ]);
  }
  return {
    repository: createPostgresRepository(pgliteDatabase(pglite)),
    async insert(id, data) {
      await pglite.query(`insert into process_instance values ($1, $2, 'user_input_required')`, [id, MODEL]);
      await completeTask(id, data);
    },
    completeTask,
    async delete(id) {
      await pglite.query('delete from process_instance where id = $1', [id]);
    },
    async setMetadata(id, key, value) {
      await pglite.query(
        `insert into process_instance_metadata values (default, $1, $2, $3, 0, 0)
         on conflict (process_instance_id, key) do update set value = excluded.value`,
        [id, key, value],
      );
    },
    async deleteMetadata(id, key) {
      await pglite.query(
        'delete from process_instance_metadata where process_instance_id = $1 and key = $2',
        [id, key],
      );
    },
    async metadata(id) {
      const { rows } = await pglite.query<{ key: string; value: string }>(
        'select key, value from process_instance_metadata where process_instance_id = $1',
        [id],
      );
      return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
    },
    async clear() {
      await pglite.exec(
        'truncate process_instance, task, json_data, process_instance_metadata, metadata_backfill_run',
      );
    },
    close: () => pglite.close(),
  };
}
