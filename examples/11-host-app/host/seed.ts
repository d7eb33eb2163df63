import { setImmediate } from 'node:timers/promises';
import { type ExtractionPath, extractMetadata, parseJson } from 'process-metadata-backfill';
import type { Activity } from '../../2-embedded-postgres/invoice-process.js';
import type { SqlDatabase } from '../../2-embedded-postgres/sql.js';
import { executeOrder, isApprovedAtOnce, varyOrder } from './execute-orders.js';

export const INVOICES = 'sales/invoice';
/** A model that the operator of this demo may not see. */
export const SALARIES = 'staff/salary';

const PATHS: readonly ExtractionPath[] = [{ key: 'customer_id', path: 'customer.id' }];
const EXECUTED = 240;
const PER_STATEMENT = 2_000;
/** Their task data are cut off in the middle, as a full disk might do it. */
const BROKEN = [42, 420, 777];

/** Creates the models and, for the first, so many instances. Does nothing if the models are there. */
export async function seed(
  database: SqlDatabase,
  count: number,
  onProgress: (line: string) => void,
): Promise<void> {
  const [found] = await database.query<{ count: number }>(
    'select count(*)::int as count from process_instance where model_id = $1',
    [INVOICES],
  );
  if ((found?.count ?? 0) > 0) return;
  for (const id of [INVOICES, SALARIES])
    await database.query(
      'insert into process_model (id, paths) values ($1, $2) on conflict (id) do nothing',
      [id, JSON.stringify(PATHS)],
    );
  const executed: Activity[][] = [];
  const some = Math.min(EXECUTED, count);
  onProgress(`Executing invoice.bpmn ${some} times, for ${count} instances ...`);
  for (let number = 1; number <= some; number += 1) {
    executed.push(await executeOrder(number, { isApproved: isApprovedAtOnce(number) }));
    await setImmediate();
  }
  const invoices = { model: INVOICES, count, executed };
  for (let from = 1; from <= count; from += PER_STATEMENT) await insertInstances(database, invoices, from);
  await insertInstances(database, { model: SALARIES, count: 25, executed }, 1);
  for (const table of ['process_instance', 'task', 'instance_metadata'])
    await database.query(`analyze ${table}`);
}

interface Seeded {
  readonly model: string;
  readonly count: number;
  readonly executed: readonly (readonly Activity[])[];
}

async function insertInstances(
  database: SqlDatabase,
  { model, count, executed }: Seeded,
  from: number,
): Promise<void> {
  const upTo = Math.min(count, from + PER_STATEMENT - 1);
  const rows = Array.from({ length: upTo - from + 1 }, (_, index) => {
    const number = from + index;
    const activities = varyOrder(executed[(number - 1) % executed.length] ?? [], number, number / count);
    const newest = activities.findLast(({ state }) => state === 'COMPLETED');
    const broken = model === INVOICES && BROKEN.includes(number);
    return {
      number,
      status: activities.at(-1)?.state === 'READY' ? 'running' : 'completed',
      tasks: activities.map(({ state, data, endInSeconds }) => ({
        state,
        data: broken ? data.slice(0, 40) : data,
        end: endInSeconds,
      })),
      metadata: newest ? extractMetadata(parseJson(newest.data), PATHS) : {},
    };
  });
  await database.query(INSERT, [model, JSON.stringify(rows)]);
}

const INSERT = `
  with given as (
    select number, status, tasks, metadata
    from json_to_recordset($2) as given (number int, status text, tasks json, metadata json)
  ), created as (
    insert into process_instance (model_id, status, started_at)
    select $1, status, now() - (100000 - least(number, 99999)) * interval '7 minutes' from given order by number
    returning id
  ), numbered as (
    select id, row_number() over (order by id) + (select min(number) from given) - 1 as number from created
  ), tasks as (
    insert into task (instance_id, state, data, ended_at)
    select n.id, t.state, t.data, to_timestamp(t."end")
    from numbered n join given g using (number),
      json_to_recordset(g.tasks) as t (state text, data text, "end" float8)
  )
  insert into instance_metadata (instance_id, key, value, source)
  select n.id, m.key, m.value::jsonb, 'save' from numbered n join given g using (number), json_each(g.metadata) m
  where m.value::text <> 'null'`;
