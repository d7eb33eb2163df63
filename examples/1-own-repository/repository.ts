import type { BackfillRepository, CommitResult, InstanceRange, RunRecord } from 'process-metadata-backfill';
import type { Sql, SqlDatabase } from './database.js';

/** A repository over the tables of `schema.sql`. */
export function createRepository(database: SqlDatabase): BackfillRepository<never, number> {
  return {
    deletes: true,

    async surveyInstances({ processModelId, instanceIds, after, limit }) {
      const values = [processModelId, instanceIds, after, null, limit];
      const [survey] = await database.query<{ total: number; upTo: number | null }>(SURVEY, values);
      return survey ?? { total: 0, upTo: null };
    },

    async readInstances({ limit, paths, ...range }) {
      const page = await database.query<PageRow>(PAGE, [
        ...bounds(range),
        limit,
        paths.map(({ key }) => key),
      ]);
      return page.map(({ id, running, data, rows }) => ({
        id,
        cursor: id,
        running,
        data: data === null ? { form: 'none' } : { form: 'json', text: data },
        stored: new Map(rows.map(([key, value, token]) => [key, { value, token }])),
      }));
    },

    commit: ({ expected, exhausted, instances, next }) =>
      rollingBack(database, async (sql, refuse) => {
        const locked = await sql.query<RunRecord>(LOCK_RECORDS, [expected.map(({ id }) => id)]);
        const revisions = new Map(locked.map(({ id, revision }) => [id, revision]));
        for (const { id, revision } of expected)
          if ((revisions.get(id) ?? null) !== revision) refuse({ status: 'conflict' });
        if (exhausted && (await sql.query(ANY_LEFT, bounds(exhausted))).length > 0)
          refuse({ status: 'not-exhausted' });

        const ids = instances.map(({ id }) => id);
        const living = new Set((await sql.query<{ id: number }>(LOCK_INSTANCES, [ids])).map(({ id }) => id));
        const writes = instances
          .filter(({ id }) => living.has(id))
          .flatMap(({ id, values }) =>
            values.map(({ key, value, replaces }) => {
              return { id, key, value, deletes: value === undefined, token: replaces?.token };
            }),
          );
        const kept = await sql.query<{ id: number; key: string }>(WRITE, [JSON.stringify(writes)]);

        const records = next({ gone: ids.filter((id) => !living.has(id)), kept, moved: [] });
        const texts = records.map((record) => ({ ...record, content: JSON.stringify(record.content) }));
        const stored = await sql.query(STORE_RECORDS, [JSON.stringify(texts), [...revisions.keys()]]);
        if (stored.length < records.length) refuse({ status: 'conflict' });
      }),

    loadRun: (runId) => database.query(`${RECORDS} where run_id = $1`, [runId]),

    findRuns: ({ processModelId, activeKey, active, before, limit }) =>
      database.query(FIND_RUNS, [processModelId, activeKey, active, before, limit]),
  };
}

/** Commits `work`. If it calls `refuse`, everything is rolled back, and the refusal is the result. */
async function rollingBack(
  database: SqlDatabase,
  work: (sql: Sql, refuse: (answer: CommitResult) => never) => Promise<void>,
): Promise<CommitResult> {
  let refusal: CommitResult | null = null;
  try {
    await database.transaction((sql) =>
      work(sql, (answer) => {
        refusal = answer;
        throw new Error(answer.status);
      }),
    );
    return { status: 'committed' };
  } catch (error) {
    if (refusal !== null) return refusal;
    const { code, constraint } = error as { code?: string; constraint?: string };
    if (code === '23505' && constraint === 'metadata_backfill_run_active_key_key')
      return { status: 'conflict' };
    throw error;
  }
}

interface PageRow {
  readonly id: number;
  readonly running: boolean;
  readonly data: string | null;
  readonly rows: readonly (readonly [key: string, value: null, token: string])[];
}

/** The parameters $1 to $4 of IN_RANGE. */
function bounds({ processModelId, instanceIds, after, upTo }: InstanceRange<number>): unknown[] {
  return [processModelId, instanceIds, after, upTo];
}

const IN_RANGE = `process_model_id = $1 and ($2::int[] is null or id = any ($2))
  and ($3::int is null or id > $3) and ($4::int is null or id <= $4)`;

const SURVEY = `select count(*)::int as total, max(id) as "upTo"
  from (select id from instance where ${IN_RANGE} order by id limit $5) counted`;

// One statement, so that no metadata row is newer than the task data.
const PAGE = `
  select i.id, i.running, t.data::text as data, m.rows
  from (select id, running from instance where ${IN_RANGE} order by id limit $5) i
  left join lateral (
    select data from task where instance_id = i.id and state = 'COMPLETED'
    order by ended_at desc nulls last, id limit 1
  ) t on true
  cross join lateral (
    select coalesce(json_agg(json_build_array(key, value, xmin::text)), '[]') as rows
    from metadata where instance_id = i.id and key = any ($6)
  ) m
  order by i.id`;

const LOCK_RECORDS = `select id, revision from metadata_backfill_run where id = any ($1) order by id for update`;
const ANY_LEFT = `select 1 from instance where ${IN_RANGE} limit 1`;
const LOCK_INSTANCES = `select id from instance where id = any ($1) order by id for share`;

// Returns the values that were not written. The xmin tells whether a row is still the one that was read.
const WRITE = `
  with wanted as (
    select id, key, nullif(value, 'null') as value, deletes, token
    from json_to_recordset($1) as w (id int, key text, value jsonb, deletes boolean, token text)
  ), deleted as (
    delete from metadata m using wanted w
    where w.deletes and m.instance_id = w.id and m.key = w.key and m.xmin::text = w.token
    returning m.instance_id, m.key
  ), replaced as (
    update metadata m set value = w.value from wanted w
    where not w.deletes and m.instance_id = w.id and m.key = w.key and m.xmin::text = w.token
    returning m.instance_id, m.key
  ), filled as (
    insert into metadata (instance_id, key, value)
    select id, key, value from wanted where token is null order by id, key
    on conflict (instance_id, key) do update set value = excluded.value
      where metadata.value is null and excluded.value is not null
    returning instance_id, key
  )
  select id, key from wanted except (table deleted union all table replaced union all table filled)`;

// A record that somebody inserted after the others were locked is not updated, and is missing in the result.
const STORE_RECORDS = `
  insert into metadata_backfill_run as stored (id, run_id, process_model_id, revision, active_key, content)
  select id, "runId", "processModelId", revision, "activeKey", content::json from json_to_recordset($1) as
    record (id text, "runId" text, "processModelId" text, revision text, "activeKey" text, content text)
  on conflict (id) do update
    set revision = excluded.revision, active_key = excluded.active_key, content = excluded.content
    where stored.id = any ($2)
  returning id`;

const RECORDS = `select id, run_id as "runId", process_model_id as "processModelId", revision,
  active_key as "activeKey", content from metadata_backfill_run`;

const FIND_RUNS = `${RECORDS}
  where id = run_id and ($1::text is null or process_model_id = $1) and ($2::text is null or active_key = $2)
    and ($3::boolean is null or (active_key is not null) = $3) and ($4::text is null or id < $4)
  order by id desc limit $5`;
