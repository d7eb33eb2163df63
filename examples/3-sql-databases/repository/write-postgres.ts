import { sql } from 'kysely';
import type { Database } from './tables.js';
import type { KeptValue, ValueWrite } from './value-write.js';

/** One statement: updates the rows that were read, inserts missing ones, and returns the values that were not written. */
export async function writePostgres(
  database: Database,
  writes: readonly ValueWrite[],
): Promise<readonly KeptValue[]> {
  const { rows } = await sql<KeptValue>`
    with wanted as (
      select id, key, value, token, extract(epoch from now())::int as now
      from json_to_recordset(${JSON.stringify(writes)}::json) as w (id int, key text, value text, token text)
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
    select id, key from wanted except (table replaced union all table filled)`.execute(database);
  return rows;
}
