import {
  type BackfillRepository,
  type CommitResult,
  formatMetadataValue,
  type InstanceRange,
  type InstanceSurvey,
  type InstanceWrites,
  type RepositoryCommit,
  type RunRecord,
  type TaskData,
  type WriteOutcome,
} from 'process-metadata-backfill';
import type { Sql, SqlDatabase } from './sql.js';

/** The tables of `schema.sql`, as a backfill sees them. */
export function createPostgresRepository(database: SqlDatabase): BackfillRepository<Sql, number> {
  return {
    transactional: true,
    storesNull: false,
    formatValue: (value) => formatMetadataValue(value, { maxLength: 255, style: 'python' }),

    async surveyInstances({ processModelId, instanceIds, after, limit }) {
      const values = [processModelId, instanceIds, after, null, limit];
      const [survey] = await database.query<InstanceSurvey>(SURVEY, values);
      return survey ?? { total: 0, upTo: null };
    },

    async readInstances({ limit, paths, ...range }) {
      const keys = paths.map(({ key }) => key);
      const overwrites = paths.some(({ mode }) => mode === 'overwrite');
      const page = await database.query<PageRow>(PAGE, [...bounds(range), limit, keys, overwrites, ENDED]);
      return page.map((row) => ({
        id: row.id,
        cursor: row.id,
        data: taskDataOf(row),
        stored: new Map(row.stored.map(([key, value, token]) => [key, { value, token }])),
        ...(row.running && { running: true, version: row.version }),
      }));
    },

    async commit(commit, { transaction } = {}) {
      const work = (sql: Sql) => applyCommit(sql, commit);
      try {
        await (transaction ? inSavepoint(transaction, work) : database.transaction(work));
        return { status: 'committed' };
      } catch (error) {
        if (error instanceof Refusal) return error.result;
        if (isActiveKeyTaken(error)) return { status: 'conflict' };
        throw error;
      }
    },

    loadRun: (runId, { transaction = database } = {}) =>
      transaction.query<RunRecord>(`${SELECT_RECORDS} where run_id = $1`, [runId]),

    findRuns: ({ processModelId, activeKey, active, before, limit }, { transaction = database } = {}) =>
      transaction.query<RunRecord>(FIND_RUNS, [processModelId, activeKey, active, before, limit]),
  };
}

async function applyCommit(sql: Sql, commit: RepositoryCommit<number>): Promise<void> {
  const locked = await sql.query<RunRecord>(LOCK_RECORDS, [commit.expected.map(({ id }) => id)]);
  const revisions = new Map(locked.map(({ id, revision }) => [id, revision]));
  const isAsExpected = commit.expected.every(({ id, revision }) => revision === (revisions.get(id) ?? null));
  if (!isAsExpected) throw new Refusal({ status: 'conflict' });

  const left = commit.exhausted ? await sql.query(ANY_LEFT, bounds(commit.exhausted)) : [];
  if (left.length > 0) throw new Refusal({ status: 'not-exhausted' });

  const records = commit.next(await writeMetadata(sql, commit.instances));
  const texts = records.map((record) => ({ ...record, content: JSON.stringify(record.content) }));
  const stored = await sql.query(STORE_RECORDS, [JSON.stringify(texts), [...revisions.keys()]]);
  if (stored.length < records.length) throw new Refusal({ status: 'conflict' });
}

async function writeMetadata(
  sql: Sql,
  instances: readonly InstanceWrites<number>[],
): Promise<WriteOutcome<number>> {
  if (instances.length === 0) return { gone: [], kept: [] };
  const ids = instances.map(({ id }) => id);
  const living = new Set((await sql.query<{ id: number }>(LOCK_INSTANCES, [ids])).map(({ id }) => id));
  const present = instances.filter(({ id }) => living.has(id));

  const seen = present.flatMap(({ id, version }) => (version === undefined ? [] : [{ id, version }]));
  const moved = seen.length > 0 ? await sql.query<{ id: number }>(MOVED, [JSON.stringify(seen)]) : [];
  if (moved.length > 0) throw new Refusal({ status: 'stale', instanceIds: moved.map(({ id }) => id) });

  const writes = present.flatMap(({ id, values }) =>
    values.map(({ key, value, replaces }) => ({ id, key, value, token: replaces?.token })),
  );
  const kept = await sql.query<{ id: number; key: string }>(WRITE, [JSON.stringify(writes)]);
  return { gone: ids.filter((id) => !living.has(id)), kept };
}

/** Rolls the transaction back and becomes the result of `commit`. */
class Refusal extends Error {
  constructor(readonly result: CommitResult<number>) {
    super(result.status);
  }
}

/** In a host's transaction, a refused or failed commit is undone alone: the host may go on. */
async function inSavepoint(sql: Sql, work: (sql: Sql) => Promise<void>): Promise<void> {
  await sql.query('savepoint metadata_backfill');
  try {
    await work(sql);
    await sql.query('release savepoint metadata_backfill');
  } catch (error) {
    await sql.query('rollback to savepoint metadata_backfill');
    throw error;
  }
}

function isActiveKeyTaken(error: unknown): boolean {
  const { code, constraint } = error as { readonly code?: unknown; readonly constraint?: unknown };
  return code === '23505' && constraint === 'metadata_backfill_run_active_key';
}

interface PageRow {
  readonly id: number;
  readonly running: boolean;
  readonly version: string;
  readonly hash: string | null;
  readonly data: string | null;
  readonly needed: boolean;
  readonly stored: readonly (readonly [key: string, value: string, token: string])[];
}

function taskDataOf({ hash, data, needed }: PageRow): TaskData {
  if (hash === null || !needed) return { form: 'none' };
  if (data === null) return { form: 'unreadable', reason: `there is no json_data ${hash}` };
  return { form: 'json', text: data };
}

/** The parameters $1 to $4 of IN_RANGE. */
function bounds({ processModelId, instanceIds, after, upTo }: InstanceRange<number>): unknown[] {
  return [processModelId, instanceIds, after, upTo];
}

const IN_RANGE = `i.process_model_identifier = $1 and ($2::int[] is null or i.id = any ($2))
  and ($3::int is null or i.id > $3) and ($4::int is null or i.id <= $4)`;

const SURVEY = `
  select count(*)::int as total, max(id) as "upTo"
  from (select i.id from process_instance i where ${IN_RANGE} order by i.id limit $5) counted`;

const ANY_LEFT = `select 1 from process_instance i where ${IN_RANGE} limit 1`;

const NEWEST_TASK = `
  select t.guid, t.json_data_hash from task t where t.process_instance_id = i.id and t.state = 'COMPLETED'
  order by t.end_in_seconds is null, t.end_in_seconds desc, t.guid limit 1`;

const VERSION = `concat_ws(' ', t.guid, t.json_data_hash)`;

const ENDED = ['complete', 'error', 'terminated'];

// The ids come out of the index alone, by a plan of their own. All else is looked up for each of them, in subqueries that
// cannot become joins: for a large page, PostgreSQL would scan the other table. The rows come with the data, so that they
// are not newer; by its xmin a row is known to be still the one that was read.
const PAGE = `
  with chosen as materialized (
    select i.id from process_instance i where ${IN_RANGE} order by i.id limit $5
  )
  select i.id, (select s.status from process_instance s where s.id = i.id) <> all ($8) as running,
    ${VERSION} as version, t.json_data_hash as hash, m.needed, m.stored,
    case when m.needed then (select d.data::text from json_data d where d.hash = t.json_data_hash) end as data
  from chosen i
  left join lateral (${NEWEST_TASK}) t on true
  cross join lateral (
    select count(*) < cardinality($6::text[]) or $7 as needed,
      coalesce(json_agg(json_build_array(m.key, m.value, m.xmin::text)), '[]') as stored
    from process_instance_metadata m where m.process_instance_id = i.id and m.key = any ($6)
  ) m
  order by i.id`;

const LOCK_RECORDS = `select id, revision from metadata_backfill_run where id = any ($1) order by id for update`;

// Not only key share: a save that is under way must end before versions are compared.
const LOCK_INSTANCES = `select i.id from process_instance i where i.id = any ($1) order by i.id for share`;

const MOVED = `
  select i.id from json_to_recordset($1) as i (id int, version text)
  left join lateral (${NEWEST_TASK}) t on true where i.version <> ${VERSION}`;

// Returns what was not written. As the column takes no null, there is no null row that a value could replace.
const WRITE = `
  with wanted as (
    select id, key, value, token, extract(epoch from now())::int as now
    from json_to_recordset($1) as w (id int, key text, value text, token text)
  ), replaced as (
    update process_instance_metadata m set value = w.value, updated_at_in_seconds = w.now
    from wanted w where m.process_instance_id = w.id and m.key = w.key and m.xmin::text = w.token
    returning m.process_instance_id, m.key
  ), filled as (
    insert into process_instance_metadata
      (process_instance_id, key, value, created_at_in_seconds, updated_at_in_seconds)
    select id, key, value, now, now from wanted where token is null order by id, key
    on conflict (process_instance_id, key) do nothing
    returning process_instance_id, key
  )
  select id, key from wanted except (table replaced union all table filled)`;

// A record that was not there when the others were locked, but is now, is left alone and missed in what returns.
const STORE_RECORDS = `
  insert into metadata_backfill_run as stored (id, run_id, process_model_id, revision, active_key, content)
  select id, "runId", "processModelId", revision, "activeKey", content::json from json_to_recordset($1) as
    record (id text, "runId" text, "processModelId" text, revision int, "activeKey" text, content text)
  on conflict (id) do update
    set revision = excluded.revision, active_key = excluded.active_key, content = excluded.content
    where stored.id = any ($2)
  returning id`;

const SELECT_RECORDS = `
  select id, run_id as "runId", process_model_id as "processModelId", revision, active_key as "activeKey", content
  from metadata_backfill_run`;

const FIND_RUNS = `${SELECT_RECORDS}
  where id = run_id and ($1::text is null or process_model_id = $1) and ($2::text is null or active_key = $2)
    and ($3::boolean is null or (active_key is not null) = $3) and ($4::text is null or id < $4)
  order by id desc limit $5`;
