import { createPostgresRepository, createRunTable } from 'process-metadata-backfill/postgres';
import type { FixtureTask } from 'process-metadata-backfill/testing';
import { AMONG, type Host, rowsWriter } from './host.js';

/** Ids beyond 2^53, which soon have one more digit. Task data and values are jsonb. */
export const bigIds: Host<string> = {
  title: 'ids of the type bigint, with jsonb',
  schema: `
    create table workflow_run (
      run_id bigint generated always as identity (start with 9999999999999900) primary key,
      workflow text not null,
      finished_at timestamptz
    );
    create index on workflow_run (workflow, run_id);
    create table step (
      id bigint generated always as identity primary key,
      run_id bigint not null references workflow_run on delete cascade,
      state text not null,
      ended_at timestamptz,
      output jsonb
    );
    create index on step (run_id);
    create table run_metadata (
      run_id bigint references workflow_run on delete cascade,
      key text,
      value jsonb,
      primary key (run_id, key)
    );
    ${createRunTable()};`,
  runs: 'metadata_backfill_run',
  isTrue: 'metadata_backfill_run_is_true',
  traits: {},
  notOffered: ['bytes', 'chosen ids', 'formatValue', 'maxKeyLength'],

  createRepository: (database) =>
    createPostgresRepository({
      database,
      instances: {
        table: 'workflow_run',
        id: { column: 'run_id', type: 'bigint' },
        model: 'workflow',
        running: 'i.finished_at is null',
      },
      taskData: {
        type: 'jsonb',
        newest: `
          select s.id as version, s.output from step s where s.run_id = i.run_id and s.state = 'COMPLETED'
          order by s.ended_at desc nulls last, s.id limit 1`,
        document: 'newest.output',
      },
      metadata: { table: 'run_metadata', instance: 'run_id', type: 'jsonb' },
    }),

  writer(sql) {
    async function insertStep(id: string, { state, endedAt, data }: FixtureTask): Promise<void> {
      await sql.query(
        'insert into step (run_id, state, ended_at, output) values ($1, $2, $3, $4::text::jsonb)',
        [id, state, endedAt, JSON.stringify(data)],
      );
    }
    const insertInstances: ReturnType<Host<string>['writer']>['insertInstances'] = async (instances) => {
      const rows = await sql.query<{ id: string }>(
        `insert into workflow_run (workflow, finished_at)
         select model, case when not running then now() end
         from json_to_recordset($1::text::json) r (model text, running boolean) returning run_id::text as id`,
        [
          JSON.stringify(
            instances.map(({ processModelId, running }) => ({ model: processModelId, running })),
          ),
        ],
      );
      for (const [index, { tasks }] of instances.entries()) {
        const ascending = tasks.toSorted((a, b) => (a.id < b.id ? -1 : 1));
        for (const task of ascending) await insertStep(rows[index]?.id ?? '', task);
      }
      return rows.map(({ id }) => id);
    };
    return {
      insertInstances,
      insertTogether: insertInstances,
      async deleteInstance(id) {
        await sql.query('delete from workflow_run where run_id = $1', [id]);
      },
      async addTask(id, task) {
        await sql.query('update workflow_run set finished_at = finished_at where run_id = $1', [id]);
        await insertStep(id, task);
      },
      async breakTaskData(id) {
        await sql.query('update step set output = null where run_id = $1', [id]);
      },
      async clear(ids) {
        await sql.query(`delete from workflow_run where run_id::text ${AMONG}`, [JSON.stringify(ids)]);
      },
      ...rowsWriter(sql, { table: 'run_metadata', instance: 'run_id', type: 'jsonb' }),
    };
  },
};
