import { type ExtractionPath, extractMetadata, formatMetadataValue } from 'process-metadata-backfill';
import type { Sql } from '../../../examples/2-embedded-postgres/sql.js';

/**
 * What a loop over instances does for each: a query for its task, one for its data, a look-up and an insert a key. Rows are
 * read whole, as an ORM does.
 */
export async function fillInstance(sql: Sql, id: number, paths: readonly ExtractionPath[]): Promise<void> {
  const [task] = await sql.query<{ json_data_hash: string }>(NEWEST_TASK, [id]);
  if (task === undefined) return;
  const [row] = await sql.query<{ data: unknown }>(DATA, [task.json_data_hash]);
  for (const [key, value] of Object.entries(extractMetadata(row?.data, paths))) {
    if (value === null) continue;
    const found = await sql.query(LOOK_UP, [id, key]);
    if (found.length > 0) continue;
    const { text } = formatMetadataValue(value, { maxLength: 255, style: 'python' });
    const now = Math.floor(Date.now() / 1000);
    await sql.query(INSERT, [id, key, text, now, now]);
  }
}

const NEWEST_TASK = `
  select * from task where process_instance_id = $1 and state = 'COMPLETED'
  order by end_in_seconds desc nulls last, guid limit 1`;

const DATA = 'select * from json_data where hash = $1';

const LOOK_UP = 'select * from process_instance_metadata where process_instance_id = $1 and key = $2 limit 1';

const INSERT = `
  insert into process_instance_metadata (process_instance_id, key, value, created_at_in_seconds, updated_at_in_seconds)
  values ($1, $2, $3, $4, $5) returning id`;
