import { randomUUID } from 'node:crypto';
import { createRunTable } from 'process-metadata-backfill/postgres';
import type { FixtureInstance } from 'process-metadata-backfill/testing';
import { createRepository, INDEX, TABLES } from '../../../examples/9-postgresql-tables/one-table.js';
import { AMONG, type Host, membersWriter } from './host.js';

/**
 * The table of example 9, with random UUIDs that are walked by the time of creation. Nobody knows which instances are running. An
 * ORM compares the column `lock_version` when it saves an instance.
 */
export const oneTable: Host<string> = {
  title: 'one table with UUIDs and jsonb columns',
  schema: `${TABLES} ${INDEX} ${createRunTable()};`,
  runs: 'metadata_backfill_run',
  isTrue: 'metadata_backfill_run_is_true',
  traits: { oneDocument: true },
  notOffered: [
    'broken task data',
    'bytes',
    'chosen ids',
    'compareCursors',
    'formatValue',
    'maxKeyLength',
    'running instances',
    'several tasks',
    'tokens',
  ],

  createRepository,

  writer(sql) {
    /** @param stepMicroseconds between the times of two instances. */
    async function insert(instances: readonly FixtureInstance[], stepMicroseconds: number) {
      const ids = instances.map(() => randomUUID());
      await sql.query(
        `insert into instances (id, model, created_at, context)
         select id, model, (select greatest(clock_timestamp(), max(created_at) + interval '1 microsecond') from instances)
           + place * $2::int * interval '1 microsecond', context::jsonb
         from json_to_recordset($1::text::json) r (id uuid, model text, place int, context text)`,
        [
          JSON.stringify(
            instances.map(({ processModelId, tasks: [task] }, place) => ({
              id: ids[place],
              model: processModelId,
              place,
              context: task && JSON.stringify(task.data),
            })),
          ),
          stepMicroseconds,
        ],
      );
      return ids;
    }
    return {
      insertInstances: (instances) => insert(instances, 1),
      insertTogether: (instances) => insert(instances, 0),
      async deleteInstance(id) {
        await sql.query('delete from instances where id = $1', [id]);
      },
      async addTask(id, { data }) {
        await sql.query('update instances set context = $2::text::jsonb where id = $1', [
          id,
          JSON.stringify(data),
        ]);
      },
      async clear(ids) {
        await sql.query(`delete from instances where id::text ${AMONG}`, [JSON.stringify(ids)]);
      },
      ...membersWriter(sql, { table: 'instances', column: 'metadata' }),
    };
  },
};
