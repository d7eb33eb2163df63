import { createHash, randomUUID } from 'node:crypto';
import { type ExtractionPath, extractMetadata, parseJson } from 'process-metadata-backfill';
import { type Activity, executeInvoiceProcess, type Order } from './invoice-process.js';
import type { Sql, SqlDatabase } from './sql.js';

export const MODEL = 'test_group/invoice_process';

/** Executes the process `count` times and stores what a workflow backend stores at each save. */
export async function createInstances(
  database: SqlDatabase,
  count: number,
  paths: readonly ExtractionPath[],
  onCreated: (created: number) => Promise<void> | void = () => {},
): Promise<void> {
  for (let number = 1; number <= count; number += 1) {
    const isNeverStarted = number === count;
    const isApproved = number % 12 !== 5;
    const activities = isNeverStarted ? [] : await executeInvoiceProcess(orderNumber(number), isApproved);
    await database.transaction((sql) => saveInstance(sql, activities, paths));
    await onCreated(number);
  }
}

/** Cuts a document off in the middle, as a full disk or a careless script might. */
export async function breakTaskData(sql: Sql, instanceId: number): Promise<void> {
  await sql.query(
    `update json_data set data = left(data, 40) where hash in (
       select json_data_hash from task where process_instance_id = $1 order by end_in_seconds desc limit 1)`,
    [instanceId],
  );
}

async function saveInstance(sql: Sql, activities: readonly Activity[], paths: readonly ExtractionPath[]) {
  const [instance] = await sql.query<{ id: number }>(
    'insert into process_instance (process_model_identifier, status) values ($1, $2) returning id',
    [MODEL, statusOf(activities)],
  );
  const tasks = activities.map((activity) => ({
    ...activity,
    guid: randomUUID(),
    hash: hashOf(activity.data),
  }));
  await sql.query(
    `insert into json_data (hash, data) select hash, data from json_to_recordset($1) as task (hash text, data text)
     on conflict (hash) do nothing`,
    [JSON.stringify(tasks)],
  );
  await sql.query(
    `insert into task (guid, process_instance_id, state, json_data_hash, end_in_seconds)
     select guid, $2, state, hash, "endInSeconds" from json_to_recordset($1)
       as task (guid text, state text, hash text, "endInSeconds" numeric)`,
    [JSON.stringify(tasks), instance?.id],
  );

  const newest = activities.findLast(({ state }) => state === 'COMPLETED');
  const metadata = newest ? extractMetadata(parseJson(newest.data), paths, { exact: true }) : {};
  for (const [key, value] of Object.entries(metadata)) {
    if (value === null) continue;
    await sql.query(
      `insert into process_instance_metadata
         (process_instance_id, key, value, created_at_in_seconds, updated_at_in_seconds)
       values ($1, $2, $3, extract(epoch from now()), extract(epoch from now()))`,
      [instance?.id, key, String(value)],
    );
  }
}

function statusOf(activities: readonly Activity[]): string {
  if (activities.length === 0) return 'not_started';
  return activities.at(-1)?.state === 'READY' ? 'user_input_required' : 'complete';
}

function hashOf(data: string): string {
  return createHash('sha256').update(data).digest('hex');
}

const CITIES = ['Oslo', 'Łódź', 'São Paulo', "L'Aquila", 'Tórshavn'];
const ARTICLES = ['valve', 'pump', 'gasket', 'filter'];

function orderNumber(number: number): Order {
  const line = (index: number) => ({
    article: ARTICLES[(number + index) % ARTICLES.length] ?? '',
    quantity: 1 + (index % 3),
    price: 10 + (number % 90),
  });
  return {
    number,
    customer: { id: `C-${100 + (number % 40)}`, address: { city: CITIES[number % CITIES.length] ?? '' } },
    lines: Array.from({ length: 1 + (number % 3) }, (_, index) => line(index)),
    isWarranty: number % 10 === 0,
  };
}
