import { randomUUID } from 'node:crypto';
import { createPostgresRepository, createRunTable } from 'process-metadata-backfill/postgres';
import type { FixtureInstance, FixtureTask } from 'process-metadata-backfill/testing';
import { AMONG, type Host, membersWriter } from './host.js';
import { modelUuid } from './model-uuid.js';

/**
 * The tables of Prefect, without the columns that do not matter here. The labels of a flow run are its metadata, and the artifact
 * of its newest task run is its task data.
 */
export const prefect: Host<string> = {
  title: 'Prefect',
  schema: `
    create type state_type as enum ('SCHEDULED', 'PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED', 'PAUSED');
    create table flow_run (
      id uuid primary key,
      created timestamptz not null,
      updated timestamptz not null default now(),
      flow_id uuid not null,
      state_type state_type,
      labels jsonb
    );
    create index on flow_run (flow_id, created, id);
    create table task_run (
      id uuid primary key,
      flow_run_id uuid references flow_run on delete cascade,
      state_type state_type,
      end_time timestamptz
    );
    create index on task_run (flow_run_id);
    create table artifact (id uuid primary key, task_run_id uuid, data json);
    create index on artifact (task_run_id);
    ${createRunTable()};`,
  runs: 'metadata_backfill_run',
  isTrue: 'metadata_backfill_run_is_true',
  traits: { processModelId: modelUuid },
  notOffered: [
    'bytes',
    'chosen ids',
    'compareCursors',
    'formatValue',
    'maxKeyLength',
    'model ids of any text',
    'model ids that look alike',
    'tokens',
  ],

  createRepository: (database) =>
    createPostgresRepository({
      database,
      instances: {
        table: 'flow_run',
        id: { type: 'uuid' },
        createdAt: 'created',
        model: 'flow_id',
        modelType: 'uuid',
        running: `i.state_type not in ('COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED')`,
      },
      taskData: {
        newest: `
          select t.id as version from task_run t where t.flow_run_id = i.id and t.state_type = 'COMPLETED'
          order by t.end_time desc nulls last, t.id limit 1`,
        document: 'select a.data from artifact a where a.task_run_id = newest.version',
      },
      metadata: { column: 'labels', update: { updated: 'now()' } },
    }),

  writer(sql) {
    async function insertTask(id: string, task: FixtureTask): Promise<void> {
      const state = task.state === 'READY' ? 'SCHEDULED' : task.state;
      await sql.query('insert into task_run values ($1, $2, $3::text::state_type, $4)', [
        task.id,
        id,
        state,
        task.endedAt,
      ]);
      await sql.query('insert into artifact values ($1, $2, $3::text::json)', [
        randomUUID(),
        task.id,
        JSON.stringify(task.data),
      ]);
    }
    async function deleteArtifacts(ids: readonly string[]): Promise<void> {
      await sql.query(
        `delete from artifact where task_run_id in (select id from task_run where flow_run_id::text ${AMONG})`,
        [JSON.stringify(ids)],
      );
    }
    /** @param stepMicroseconds between the times of two instances. */
    async function insert(instances: readonly FixtureInstance[], stepMicroseconds: number) {
      const ids = instances.map(() => randomUUID());
      await sql.query(
        `insert into flow_run (id, created, flow_id, state_type)
         select id, (select greatest(clock_timestamp(), max(created) + interval '1 microsecond') from flow_run)
           + place * $2::int * interval '1 microsecond', model,
           (case when running then 'PAUSED' else 'COMPLETED' end)::state_type
         from json_to_recordset($1::text::json) r (id uuid, model uuid, place int, running boolean)`,
        [
          JSON.stringify(
            instances.map(({ processModelId, running }, place) => ({
              id: ids[place],
              model: processModelId,
              place,
              running,
            })),
          ),
          stepMicroseconds,
        ],
      );
      for (const [index, { tasks }] of instances.entries())
        for (const task of tasks) await insertTask(ids[index] ?? '', task);
      return ids;
    }
    return {
      insertInstances: (instances) => insert(instances, 1),
      insertTogether: (instances) => insert(instances, 0),
      async deleteInstance(id) {
        await deleteArtifacts([id]);
        await sql.query('delete from flow_run where id = $1', [id]);
      },
      async addTask(id, task) {
        await sql.query('update flow_run set updated = now() where id = $1', [id]);
        await insertTask(id, task);
      },
      async breakTaskData(id) {
        await deleteArtifacts([id]);
      },
      async clear(ids) {
        await deleteArtifacts(ids);
        await sql.query(`delete from flow_run where id::text ${AMONG}`, [JSON.stringify(ids)]);
      },
      ...membersWriter(sql, { table: 'flow_run', column: 'labels' }),
    };
  },
};
