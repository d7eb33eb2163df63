import {
  type BackfillRepository,
  type CommitResult,
  formatMetadataValue,
  type InstanceSurvey,
  type RepositoryCommit,
  type RunRecord,
  type SettledAnswer,
  type WriteOutcome,
} from 'process-metadata-backfill';
import { bounds, IN_RANGE, readPage } from './read-page.js';
import type { Sql, SqlDatabase } from './sql.js';
import {
  Disturbance,
  firstWriterFor,
  lockInstances,
  MOVED,
  versionsOf,
  writeGuarded,
} from './write-batch.js';

export interface PostgresRepositoryOptions {
  /**
   * The type of the column with the task data. From `json` (or text) PostgreSQL returns the stored text, so pages read
   * whole documents and take the values out of each one as it arrives. From `jsonb` PostgreSQL would have to build the
   * text again, so pages read only the values. Measured in test/bench/RESULTS.md.
   * @default 'json'
   */
  readonly taskData?: 'json' | 'jsonb';
}

/** A repository over the tables of `schema.sql`. */
export function createPostgresRepository(
  database: SqlDatabase,
  { taskData = 'json' }: PostgresRepositoryOptions = {},
): BackfillRepository<Sql, number> {
  return {
    transactional: true,
    storesNull: false,
    deletes: true,
    maxKeyLength: 255,
    formatValue: (value) => formatMetadataValue(value, { maxLength: 255, style: 'python' }),

    async surveyInstances({ processModelId, instanceIds, after, limit }) {
      const values = [processModelId, instanceIds, after, null, limit];
      const [survey] = await database.query<InstanceSurvey>(surveyOf(limit), values);
      return survey ?? { total: 0, upTo: null };
    },

    async settled(mark) {
      const [answer] = await database.query<SettledAnswer>(SETTLED, [mark]);
      return answer ?? { mark: mark ?? '', settled: false };
    },

    readInstances: (query) => readPage(database, query, taskData),

    async commit(commit, { transaction } = {}) {
      // Guards cost the database 50 % more, and locks one statement more. Only a batch that has met another writer needs them.
      const attempt = (how: 'at-once' | 'locks-first') => {
        const work = (sql: Sql) => applyCommit(sql, commit, how);
        return transaction ? inSavepoint(transaction, work) : database.transaction(work);
      };
      try {
        await attempt('at-once').catch((error) => {
          if (!(error instanceof Disturbance)) throw error;
          return attempt('locks-first');
        });
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

/** Two statements: one writes the batch, one stores its record. A refusal rolls both back. */
async function applyCommit(
  sql: Sql,
  commit: RepositoryCommit<number>,
  how: 'at-once' | 'locks-first',
): Promise<void> {
  const { exhausted, instances } = commit;
  const isLocked = how === 'locks-first';
  if (isLocked) await lockInstances(sql, instances);
  const write = isLocked ? writeGuarded : firstWriterFor(instances);
  const outcome = instances.length === 0 ? NOTHING : await write(sql, instances);
  const missed = await storeRecords(sql, commit, outcome, isLocked ? [] : instances);
  const left = exhausted ? await sql.query(ANY_LEFT, bounds(exhausted)) : [];
  if (left.length > 0) throw new Refusal({ status: 'not-exhausted' });
  if (missed.length > 0) throw new Disturbance('An instance was saved while the batch waited for its lock.');
}

const NOTHING: WriteOutcome<number> = { gone: [], kept: [], moved: [] };

/**
 * Stores the records in the order of their ids, each only if its revision is the expected one. That locks it, too.
 * @param written the instances that one statement has locked and written. If it waited for a save, only a later statement
 *   sees what was saved.
 * @returns the ids of those whose version has changed.
 */
async function storeRecords(
  sql: Sql,
  { expected, next }: RepositoryCommit<number>,
  outcome: WriteOutcome<number>,
  written: RepositoryCommit<number>['instances'],
): Promise<readonly number[]> {
  const { gone, moved } = outcome;
  const versions = versionsOf(written, new Set([...gone, ...moved]));
  const revisions = new Map(expected.map(({ id, revision }) => [id, revision]));
  let missed: readonly number[] = [];
  for (const record of next(outcome).toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const { id, runId, processModelId, revision, activeKey, content } = record;
    const values = [versions, id, runId, processModelId, revision, activeKey, JSON.stringify(content)];
    const before = revisions.get(id) ?? null;
    const statement = before === null ? INSERT_RECORD : UPDATE_RECORD;
    if (before !== null) values.push(before);
    const [stored] = await sql.query<{ moved: readonly number[] }>(statement, values);
    if (stored === undefined) throw new Refusal({ status: 'conflict' });
    missed = stored.moved;
  }
  return missed;
}

/** Rolls the transaction back and becomes the result of `commit`. */
class Refusal extends Error {
  constructor(readonly result: CommitResult) {
    super(result.status);
  }
}

/** In a host's transaction, only the refused or failed commit is rolled back: the host may go on. */
async function inSavepoint(sql: Sql, work: (sql: Sql) => Promise<void>): Promise<void> {
  await sql.query('savepoint metadata_backfill');
  try {
    await work(sql);
    await sql.query('release savepoint metadata_backfill');
  } catch (error) {
    await sql.query('rollback to savepoint metadata_backfill');
    await sql.query('release savepoint metadata_backfill');
    throw error;
  }
}

function isActiveKeyTaken(error: unknown): boolean {
  const { code, constraint } = error as { readonly code?: unknown; readonly constraint?: unknown };
  return code === '23505' && constraint === 'metadata_backfill_run_active_key';
}

/**
 * The mark lists the virtual transaction ids of open transactions. Only clients of this database count: an autovacuum takes
 * hours, and a dump inserts nothing. PostgreSQL may hide the type of the backends of other users, but an autovacuum is known
 * by having no user. A prepared transaction no longer has the id in the mark, so every prepared transaction counts.
 */
const SETTLED = `
  with open as (
    select l.virtualxid as id from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'virtualxid' and l.mode = 'ExclusiveLock' and a.datname = current_database()
      and a.pid <> pg_backend_pid() and a.usesysid is not null and a.application_name <> 'pg_dump'
      and coalesce(a.backend_type, 'client backend') = 'client backend')
  select coalesce($1::text, (select string_agg(id, ' ') from open), '') as mark,
    not exists (select from open where $1::text is null or id = any (string_to_array($1::text, ' ')))
      and not exists (select from pg_prepared_xacts where database = current_database()) as settled`;

/** Without a limit, the order does not matter, and PostgreSQL may choose the cheapest. */
const surveyOf = (limit: number | null) => `
  select count(*)::int as total, max(id) as "upTo"
  from (select i.id from process_instance i where ${IN_RANGE} ${limit === null ? '' : 'order by i.id'} limit $5) counted`;

// Each row of the result is a record that was stored.
const MISSED = `array(${MOVED}) as moved`;

const INSERT_RECORD = `
  insert into metadata_backfill_run (id, run_id, process_model_id, revision, active_key, content)
  values ($2, $3, $4, $5, $6, $7) on conflict (id) do nothing returning ${MISSED}`;

const UPDATE_RECORD = `
  update metadata_backfill_run
  set run_id = $3, process_model_id = $4, revision = $5, active_key = $6, content = $7
  where id = $2 and revision = $8 returning ${MISSED}`;

const ANY_LEFT = `select 1 from process_instance i where ${IN_RANGE} limit 1`;

const SELECT_RECORDS = `
  select id, run_id as "runId", process_model_id as "processModelId", revision, active_key as "activeKey", content
  from metadata_backfill_run`;

const FIND_RUNS = `${SELECT_RECORDS}
  where id = run_id and ($1::text is null or process_model_id = $1) and ($2::text is null or active_key = $2)
    and ($3::boolean is null or (active_key is not null) = $3) and ($4::text is null or id < $4)
  order by id desc limit $5`;
