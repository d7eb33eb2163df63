import { sql } from 'kysely';
import type { Database } from './tables.js';
import { type KeptValue, rowName, type ValueWrite } from './value-write.js';

/** One statement. After `begin immediate` nobody else writes, so a guard that holds when it is read still holds. */
export async function writeSqlite(
  database: Database,
  writes: readonly ValueWrite[],
): Promise<readonly KeptValue[]> {
  const { rows } = await sql<KeptValue>`
    insert into process_instance_metadata
      (process_instance_id, key, value, created_at_in_seconds, updated_at_in_seconds)
    select w.value ->> 'id', w.value ->> 'key', w.value ->> 'value', unixepoch(), unixepoch()
    from json_each(${JSON.stringify(writes)}) w
    left join process_instance_metadata m
      on m.process_instance_id = w.value ->> 'id' and m.key = w.value ->> 'key'
    where case when w.value ->> 'token' is null then m.id is null
      else m.id || ' ' || m.updated_at_in_seconds = w.value ->> 'token' and m.value = w.value ->> 'seen' end
    on conflict (process_instance_id, key) do update
      set value = excluded.value, updated_at_in_seconds = excluded.updated_at_in_seconds
    returning process_instance_id as id, key`.execute(database);
  const written = new Set(rows.map(rowName));
  return writes.filter((write) => !written.has(rowName(write)));
}
