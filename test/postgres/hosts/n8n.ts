import { createRunTable } from 'process-metadata-backfill/postgres';
import type { FixtureTask } from 'process-metadata-backfill/testing';
import { executionData } from '../../../examples/9-postgresql-tables/demo-hosts.js';
import { createRepository, TABLES } from '../../../examples/9-postgresql-tables/n8n.js';
import { AMONG, type Host, rowsWriter } from './host.js';
import { modelUuid } from './model-uuid.js';

/** The tables of example 9. Executions are soft-deleted. Each has one document in the format of the package `flatted`. */
export const n8n: Host<number> = {
  title: 'n8n',
  schema: `${TABLES} ${createRunTable()};`,
  runs: 'metadata_backfill_run',
  isTrue: 'metadata_backfill_run_is_true',
  traits: { oneDocument: true, softDeletes: true, processModelId: modelIdOf },
  notOffered: [
    'bytes',
    'chosen ids',
    'compareCursors',
    'deletes of null rows',
    'null rows',
    'projected values',
    'several tasks',
  ],

  createRepository,

  writer(sql) {
    async function setData(id: number, { data }: FixtureTask): Promise<void> {
      await sql.query(
        `insert into execution_data ("executionId", data) values ($1, $2)
         on conflict ("executionId") do update set data = excluded.data`,
        [id, executionData(data)],
      );
    }
    const insertInstances: ReturnType<Host<number>['writer']>['insertInstances'] = async (instances) => {
      const rows = await sql.query<{ id: number }>(
        `insert into execution_entity ("workflowId", finished, status)
         select model, not running, case when running then 'waiting' else 'success' end
         from json_to_recordset($1::text::json) r (model text, running boolean) returning id`,
        [
          JSON.stringify(
            instances.map(({ processModelId, running }) => ({ model: processModelId, running })),
          ),
        ],
      );
      const ids = rows.map(({ id }) => id);
      for (const [index, { tasks }] of instances.entries())
        for (const task of tasks) await setData(ids[index] ?? 0, task);
      return ids;
    };
    return {
      insertInstances,
      insertTogether: insertInstances,
      async deleteInstance(id) {
        await sql.query('update execution_entity set "deletedAt" = now() where id = $1', [id]);
      },
      async addTask(id, task) {
        await sql.query('update execution_entity set status = status where id = $1', [id]);
        await setData(id, task);
      },
      async breakTaskData(id) {
        await sql.query(`update execution_data set data = '[{"resultData":"1"' where "executionId" = $1`, [
          id,
        ]);
      },
      async clear(ids) {
        await sql.query(`delete from execution_entity where id::text ${AMONG}`, [JSON.stringify(ids)]);
      },
      ...rowsWriter(sql, { table: 'execution_metadata', instance: '"executionId"' }),
    };
  },
};

/** A workflow has an id of at most 36 characters. */
function modelIdOf(name: string): string {
  return [...name].length > 36 ? modelUuid(name) : name;
}
