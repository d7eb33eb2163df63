import { createPostgresRepository, createRunTable } from 'process-metadata-backfill/postgres';
import type { FixtureTask } from 'process-metadata-backfill/testing';
import { AMONG, type Host, rowsWriter } from './host.js';

/** Ids of any text, in a column that the database sorts by language. Task data are text, and values are json. */
export const textIds: Host<string> = {
  title: 'ids of any text, sorted by language',
  schema: `
    create table flow (
      id text collate "und-x-icu" primary key,
      model varchar(255) collate "und-x-icu" not null,
      is_done boolean not null
    );
    -- Instances are walked in the order of bytes, which an index in the order of a language cannot give.
    create index on flow (model, id collate "C");
    create sequence flow_number;
    create table activity (
      id uuid primary key,
      flow_id text collate "und-x-icu" not null references flow on delete cascade,
      state text not null,
      ended_at timestamptz,
      body text not null
    );
    create index on activity (flow_id);
    create table flow_metadata (
      flow_id text collate "und-x-icu" references flow on delete cascade,
      key text collate "und-x-icu",
      value json,
      primary key (flow_id, key)
    );
    ${createRunTable()};`,
  runs: 'metadata_backfill_run',
  isTrue: 'metadata_backfill_run_is_true',
  traits: { takesIds: true },
  notOffered: ['bytes', 'formatValue', 'maxKeyLength'],

  createRepository: (database) =>
    createPostgresRepository({
      database,
      instances: { table: 'flow', id: { type: 'text' }, model: 'model', running: 'not i.is_done' },
      taskData: {
        type: 'text',
        newest: `
          select a.id as version, a.body from activity a where a.flow_id = i.id and a.state = 'COMPLETED'
          order by a.ended_at desc nulls last, a.id limit 1`,
        document: 'newest.body',
      },
      metadata: { table: 'flow_metadata', instance: 'flow_id', type: 'json' },
    }),

  writer(sql) {
    async function insertActivity(
      flowId: string,
      { id, state, endedAt, data }: FixtureTask,
      body = JSON.stringify(data),
    ): Promise<void> {
      await sql.query('insert into activity values ($1, $2, $3, $4, $5)', [id, flowId, state, endedAt, body]);
    }
    const insertInstances: ReturnType<Host<string>['writer']>['insertInstances'] = async (instances) => {
      const numbers = await sql.query<{ number: string }>(
        `select nextval('flow_number')::text as number from generate_series(1, $1::int)`,
        [instances.length],
      );
      const ids = instances.map(({ id }, index) => id ?? idOf(Number(numbers[index]?.number)));
      await sql.query(
        `insert into flow select id, model, not running
         from json_to_recordset($1::text::json) r (id text, model text, running boolean)`,
        [
          JSON.stringify(
            instances.map(({ processModelId, running }, index) => ({
              id: ids[index],
              model: processModelId,
              running,
            })),
          ),
        ],
      );
      for (const [index, { tasks }] of instances.entries())
        for (const task of tasks) await insertActivity(ids[index] ?? '', task);
      return ids;
    };
    return {
      insertInstances,
      insertTogether: insertInstances,
      async deleteInstance(id) {
        await sql.query('delete from flow where id = $1', [id]);
      },
      async addTask(id, task) {
        await sql.query('select from flow where id = $1 for update', [id]);
        await insertActivity(id, task);
      },
      async breakTaskData(id) {
        await sql.query(`update activity set body = '{"city": "Os' where flow_id = $1`, [id]);
      },
      async clear(ids) {
        await sql.query(`delete from flow where id ${AMONG}`, [JSON.stringify(ids)]);
      },
      ...rowsWriter(sql, { table: 'flow_metadata', instance: 'flow_id', type: 'json' }),
    };
  },
};

/** In the order of code points. Languages put `a` before `B`, and JavaScript puts 🧾 before ｚ. */
const DIGITS = ['A', 'B', 'a', 'b', 'é', '価', 'ｚ', '🧾'];

/** Ids that ascend with the number, in the order of their UTF-8 bytes. */
function idOf(number: number): string {
  const digits = number.toString(DIGITS.length).padStart(8, '0');
  return [...digits].map((digit) => DIGITS[Number(digit)]).join('');
}
