import type { BackfillRepository } from 'process-metadata-backfill';
import type { FixtureTask, RepositoryFixture } from 'process-metadata-backfill/testing';
import type { SqlDatabase } from './database.js';

/** What the conformance cases do as the host: insert, change and delete. */
export function createFixture(
  database: SqlDatabase,
  repository: BackfillRepository<never, number>,
): RepositoryFixture<never, number> {
  const insertTasks = (id: number, tasks: readonly FixtureTask[]) =>
    database.query(
      `insert into task select id, $2, state, "endedAt", data
       from json_to_recordset($1) as task (id uuid, state text, "endedAt" timestamptz, data json)`,
      [JSON.stringify(tasks), id],
    );
  return {
    repository,
    async insertInstances(instances) {
      const ids: number[] = [];
      for (const { processModelId, running, tasks } of instances) {
        const [row] = await database.query<{ id: number }>(
          'insert into instance (process_model_id, running) values ($1, $2) returning id',
          [processModelId, running],
        );
        const { id = 0 } = row ?? {};
        await insertTasks(id, tasks);
        ids.push(id);
      }
      return ids;
    },
    async insertTogether(instances) {
      const rows = await database.query<{ id: number }>(
        `insert into instance (process_model_id, running)
         select "processModelId", running
         from json_to_recordset($1) as instance ("processModelId" text, running boolean) returning id`,
        [JSON.stringify(instances)],
      );
      return rows.map(({ id }) => id);
    },
    async deleteInstance(id) {
      await database.query('delete from instance where id = $1', [id]);
    },
    async addTask(id, task) {
      await insertTasks(id, [task]);
    },
    async setMetadata(id, key, value) {
      await database.query(
        `insert into metadata values ($1, $2, nullif($3::jsonb, 'null'))
         on conflict (instance_id, key) do update set value = excluded.value`,
        [id, key, JSON.stringify(value)],
      );
    },
    async deleteMetadata(id, key) {
      await database.query('delete from metadata where instance_id = $1 and key = $2', [id, key]);
    },
    async metadata(id) {
      const rows = await database.query<{ key: string; value: unknown }>(
        'select key, value from metadata where instance_id = $1',
        [id],
      );
      return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
    },
  };
}
