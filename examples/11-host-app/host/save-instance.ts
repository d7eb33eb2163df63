import { type ExtractionPath, extractMetadata, parseJson } from 'process-metadata-backfill';
import type { Activity } from '../../2-embedded-postgres/invoice-process.js';
import type { Sql, SqlDatabase } from '../../2-embedded-postgres/sql.js';
import { executeOrder, isUnderWarranty, varyOrder } from './execute-orders.js';

/**
 * What the host does all the time: starts an instance, and goes on with one that waits. Each save reads the metadata by the
 * paths that the model has now, and locks its instance first, because batches of runs lock instances, too.
 */
export async function workABit(database: SqlDatabase, model: string): Promise<void> {
  await approveOne(database, model);
  await startOne(database, model);
}

async function startOne(database: SqlDatabase, model: string): Promise<void> {
  const [last] = await database.query<{ id: number }>('select max(id)::int as id from process_instance');
  const number = (last?.id ?? 0) + 1;
  const activities = varyOrder(
    await executeOrder(number, { isApproved: isUnderWarranty(number) }),
    number,
    1,
  );
  const status = activities.at(-1)?.state === 'READY' ? 'running' : 'completed';
  await database.transaction(async (sql) => {
    const [instance] = await sql.query<{ id: number }>(
      'insert into process_instance (model_id, status) values ($1, $2) returning id',
      [model, status],
    );
    if (instance !== undefined) await saveTasks(sql, { model, id: instance.id }, activities);
  });
}

/** The instance that has waited for the longest time is approved, and ends. */
async function approveOne(database: SqlDatabase, model: string): Promise<void> {
  const [waiting] = await database.query<{ id: number; data: string }>(
    `select i.id, t.data from process_instance i join task t on t.instance_id = i.id and t.state = 'READY'
     where i.model_id = $1 and i.status = 'running' order by i.id limit 1`,
    [model],
  );
  if (waiting === undefined) return;
  const number = numberIn(waiting.data) ?? waiting.id;
  const age = waiting.data.includes('"email"') ? 1 : 0;
  const activities = varyOrder(await executeOrder(number, { isApproved: true }), number, age);
  await database.transaction(async (sql) => {
    const locked = await sql.query(
      `update process_instance set status = 'completed' where id = $1 and status = 'running' returning id`,
      [waiting.id],
    );
    if (locked.length === 0) return;
    await sql.query(`delete from task where instance_id = $1 and state = 'READY'`, [waiting.id]);
    await saveTasks(sql, { model, id: waiting.id }, activities.slice(-2));
  });
}

async function saveTasks(
  sql: Sql,
  { model, id }: { readonly model: string; readonly id: number },
  activities: readonly Activity[],
): Promise<void> {
  await sql.query(
    `insert into task (instance_id, state, data, ended_at)
     select $1, state, data, to_timestamp("endInSeconds")
     from json_to_recordset($2) as t (state text, data text, "endInSeconds" float8)`,
    [id, JSON.stringify(activities)],
  );
  const newest = activities.findLast(({ state }) => state === 'COMPLETED');
  if (newest === undefined) return;
  // The lock waits for a save of the model, so that no save of an instance uses paths that are out of date.
  const [found] = await sql.query<{ paths: ExtractionPath[] }>(
    'select paths from process_model where id = $1 for share',
    [model],
  );
  const metadata = extractMetadata(parseJson(newest.data), found?.paths ?? [], { exact: true });
  await sql.query(
    `insert into instance_metadata (instance_id, key, value, source)
     select $1, key, nullif(value::jsonb, 'null'), 'save' from json_each($2)
     on conflict (instance_id, key) do update
       set value = excluded.value, source = 'save', written_at = now()`,
    [id, JSON.stringify(metadata)],
  );
}

function numberIn(data: string): number | null {
  const [, digits] = /"INV-\d+-(\d+)"/.exec(data) ?? [];
  return digits === undefined ? null : Number(digits);
}
