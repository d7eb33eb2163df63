import type { Database } from './repository/tables.js';

export const MODEL = 'test_group/invoice_process';

/** When the rows were inserted that exist before the backfill. */
export const BEFORE = 1_700_000_000;

/**
 * Stores what a workflow backend has stored before the model gains paths: two tasks per instance, and some metadata.
 * @returns how many rows of metadata there are.
 */
export async function createInstances(database: Database, count: number): Promise<number> {
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  await database
    .insertInto('process_instance')
    .values(numbers.map((id) => ({ id, process_model_identifier: MODEL, status: statusOf(id) })))
    .execute();
  const tasks = numbers.flatMap((number) => [taskOf(number, 'receive', 1), taskOf(number, 'bill', 2)]);
  await database
    .insertInto('json_data')
    .values(tasks.map(({ json_data_hash: hash, data }) => ({ hash, data: JSON.stringify(data) })))
    .execute();
  await database
    .insertInto('task')
    .values(tasks.map(({ data, ...task }) => task))
    .execute();
  const rows = numbers.flatMap((number) => [
    rowOf(number, 'customer_id', `C-${number % 40}`),
    ...(number % 10 === 3 ? [rowOf(number, 'city', 'as a live instance wrote it')] : []),
  ]);
  await database.insertInto('process_instance_metadata').values(rows).execute();
  return rows.length;
}

const CITIES = ['Oslo', 'Łódź', 'São Paulo', "L'Aquila", 'Tórshavn'];
const ARTICLES = ['valve', 'pump', 'gasket', 'filter'];

function statusOf(number: number): string {
  return number % 12 === 5 ? 'user_input_required' : 'complete';
}

/** Some customers move between the two tasks. Some orders have no invoice (warranty) or none yet (a user must act first). */
function taskOf(number: number, name: string, place: number) {
  const isCompleted = name === 'receive' || statusOf(number) === 'complete';
  const hasInvoice = name === 'bill' && number % 10 !== 0;
  const city = CITIES[(name === 'bill' && number % 4 === 1 ? number + 1 : number) % CITIES.length];
  return {
    guid: `${number}-${name}`,
    process_instance_id: number,
    state: isCompleted ? 'COMPLETED' : 'READY',
    json_data_hash: `hash of ${number}-${name}`,
    end_in_seconds: isCompleted ? BEFORE + number + place / 1000 : null,
    data: {
      customer: { id: `C-${number % 40}`, address: { city } },
      lines: [{ article: ARTICLES[number % ARTICLES.length], quantity: 1 + (number % 3) }],
      ...(hasInvoice && { invoice: { number: `INV-${number}` } }),
    },
  };
}

function rowOf(number: number, key: string, value: string) {
  const times = { created_at_in_seconds: BEFORE, updated_at_in_seconds: BEFORE };
  return { process_instance_id: number, key, value, ...times };
}
