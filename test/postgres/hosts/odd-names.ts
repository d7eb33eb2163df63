import { createPostgresRepository, createRunTable } from 'process-metadata-backfill/postgres';
import type { FixtureInstance } from 'process-metadata-backfill/testing';
import { AMONG, type Host, rowsWriter } from './host.js';
import { modelUuid } from './model-uuid.js';

const INSTANCES = '"Host ""A"""."Process Instances"';
const METADATA = '"Host ""A"""."meta data"';
const RUNS = '"Host ""A"""."Runs of ""backfill"""';
const IS_TRUE = '"Host ""A"""."Runs of ""backfill""_is_true"';

/** Names that have to be quoted, in a schema that is not in the search path. Models are UUIDs, and times have no zone. */
export const oddNames: Host<number> = {
  title: 'odd names in a schema of their own',
  schema: `
    create schema "Host ""A""";
    create table ${INSTANCES} (
      "Instance ID" serial primary key,
      "order" uuid not null,
      "Created At" timestamp not null,
      "is ""running""" boolean,
      "Task 'data'" json
    );
    create index on ${INSTANCES} ("order", "Created At", "Instance ID");
    create table ${METADATA} (
      "of instance" int references ${INSTANCES} on delete cascade,
      "group" text,
      "VALUE" text,
      "Written By" text,
      "Written At" timestamp,
      "Writes" int,
      unique ("of instance", "group")
    );
    ${createRunTable('Host "A".Runs of "backfill"')};`,
  runs: RUNS,
  isTrue: IS_TRUE,
  traits: { oneDocument: true, processModelId: modelUuid },
  notOffered: [
    'broken task data',
    'bytes',
    'chosen ids',
    'compareCursors',
    'maxKeyLength',
    'model ids of any text',
    'model ids that look alike',
    'several tasks',
  ],

  createRepository: (database) =>
    createPostgresRepository({
      database,
      instances: {
        table: 'Host "A".Process Instances',
        id: { column: 'Instance ID' },
        createdAt: { column: 'Created At', type: 'timestamp' },
        model: 'order',
        modelType: 'uuid',
        running: 'i."is ""running""" -- or null',
      },
      taskData: { column: "Task 'data'" },
      metadata: {
        table: 'Host "A".meta data',
        instance: 'of instance',
        key: 'group',
        value: 'VALUE',
        insert: { 'Written By': `'it''s "the" backfill' -- not a user`, Writes: '1 -- so far' },
        update: { 'Written At': 'localtimestamp -- no zone', Writes: '2 -- or more' },
      },
      runs: { table: 'Host "A".Runs of "backfill"' },
    }),

  writer(sql) {
    /** @param stepMs between the times of two instances. */
    async function insert(instances: readonly FixtureInstance[], stepMs: number) {
      const rows = await sql.query<{ id: number }>(
        `insert into ${INSTANCES} ("order", "Created At", "is ""running""", "Task 'data'")
         select model, (select greatest(localtimestamp, max("Created At") + interval '1 ms') from ${INSTANCES})
           + place * $2::int * interval '1 ms', case when running then true end, data::json
         from json_to_recordset($1::text::json) r (model uuid, place int, running boolean, data text)
         returning "Instance ID" as id`,
        [
          JSON.stringify(
            instances.map(({ processModelId, running, tasks: [task] }, place) => ({
              model: processModelId,
              place,
              running,
              data: task && JSON.stringify(task.data),
            })),
          ),
          stepMs,
        ],
      );
      return rows.map(({ id }) => id);
    }
    return {
      insertInstances: (instances) => insert(instances, 1),
      insertTogether: (instances) => insert(instances, 0),
      async deleteInstance(id) {
        await sql.query(`delete from ${INSTANCES} where "Instance ID" = $1`, [id]);
      },
      async addTask(id, { data }) {
        await sql.query(`update ${INSTANCES} set "Task 'data'" = $2::text::json where "Instance ID" = $1`, [
          id,
          JSON.stringify(data),
        ]);
      },
      async clear(ids) {
        await sql.query(`delete from ${INSTANCES} where "Instance ID"::text ${AMONG}`, [JSON.stringify(ids)]);
      },
      ...rowsWriter(sql, {
        table: METADATA,
        instance: '"of instance"',
        key: '"group"',
        value: '"VALUE"',
      }),
    };
  },
};
