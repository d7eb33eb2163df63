import type { RepositoryCommit, RunRecord } from '../../ports/repository.js';
import type { PostgresConnection } from '../database.js';
import { parameters } from '../sql/parameters.js';
import type { RunTable } from '../tables/run-table.js';

/** For json_to_recordset. */
export const RECORD_COLUMNS =
  'id text, run_id text, process_model_id text, revision text, active_key text, content text';

export interface RecordRow {
  readonly id: string;
  /** The revision that the stored record must have. `null`: there must be none. */
  readonly before: string | null;
}

/** Records as rows of the table, with the content as text, because `json` keeps exactly that. */
export function recordRows(
  records: readonly RunRecord[],
  expected: RepositoryCommit['expected'],
): RecordRow[] {
  const revisions = new Map(expected.map(({ id, revision }) => [id, revision]));
  return records.map(({ id, runId, processModelId, revision, activeKey, content }) => ({
    id,
    run_id: runId,
    process_model_id: processModelId,
    revision,
    active_key: activeKey,
    content: JSON.stringify(content),
    before: revisions.get(id) ?? null,
  }));
}

/** Locks those of these records that are stored, in the order of their ids. @returns whether all have the expected revisions. */
export async function lockRecords(
  connection: PostgresConnection,
  { table }: RunTable,
  expected: RepositoryCommit['expected'],
): Promise<boolean> {
  const bound = parameters();
  const ids = bound.addList(
    expected.map(({ id }) => id),
    'text',
  );
  const rows = (await connection.query(
    `select id::varchar, revision::varchar from ${table} where id = any (${ids}) order by id for update`,
    bound.values,
  )) as { readonly id: string; readonly revision: string }[];
  const revisions = new Map(rows.map(({ id, revision }) => [id, revision]));
  return expected.every(({ id, revision }) => (revisions.get(id) ?? null) === revision);
}

/** Stores records. Those that exist must be locked. @returns `false` if somebody has inserted one since. */
export async function storeRecords(
  connection: PostgresConnection,
  { table }: RunTable,
  records: readonly RecordRow[],
): Promise<boolean> {
  const rows = await connection.query(
    `insert into ${table} as stored (id, run_id, process_model_id, revision, active_key, content)
     select id, run_id, process_model_id, revision, active_key, content::json
     from json_to_recordset($1::text::json) r (${RECORD_COLUMNS}, before text)
     on conflict (id) do update
       set revision = excluded.revision, active_key = excluded.active_key, content = excluded.content
       where stored.id in (select id from json_to_recordset($1::text::json) r (id text, before text) where before is not null)
     returning true as stored`,
    [JSON.stringify(records)],
  );
  return rows.length === records.length;
}
