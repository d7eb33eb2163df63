import { describe, expect, test } from 'vitest';
import { newestTaskCases } from '../stores/cases/page-cases.js';
import { path, read, readPage } from '../stores/repository-calls.js';
import { embeddedTables } from '../support/embedded-postgres.js';
import { insertInstance, insertThree, useTables } from '../support/tables.js';

const tables = useTables(embeddedTables);
const PATHS = [path('invoice_number'), path('city')];

newestTaskCases(tables);

describe('a page', () => {
  test('passes over instances that have every value, in their place among those that lack one', async () => {
    const host = tables();
    const [a, b, c] = await insertThree(host);
    const [d, e, f] = await insertThree(host);
    for (const id of [a, b, d, e, f]) for (const { key } of PATHS) await host.setMetadata(id, key, 'a value');
    const g = await insertInstance(host);

    const page = async (query: Parameters<typeof readPage>[1]) =>
      (await readPage(host, query)).map((entry) => ('filled' in entry ? entry : entry.id));
    expect(await page({})).toEqual([{ cursor: b, filled: 2 }, c, { cursor: f, filled: 3 }, g]);
    expect(await page({ limit: 1 })).toEqual([{ cursor: b, filled: 2 }, c]);
    expect(await page({ after: c, upTo: e })).toEqual([{ cursor: e, filled: 2 }]);
    const overwriting = PATHS.map((path) => ({ ...path, mode: 'overwrite' as const }));
    expect(await page({ paths: overwriting })).toEqual([a, b, c, d, e, f, g]);
  });

  test('begins a page with the lowest id, in whatever order the table is scanned', async () => {
    const host = tables();
    const [first, second] = await insertThree(host);
    await host.sql(
      `update process_instance set status = 'moved to the end of the table' where id = ${first}`,
    );
    await host.pglite.exec(
      'set enable_indexscan = off; set enable_indexonlyscan = off; set enable_bitmapscan = off',
    );

    const page = await read(host, { limit: 2 }).finally(() => host.pglite.exec('reset all'));

    expect(page.map(({ id }) => id)).toEqual([first, second]);
  });
});

test('task data that are broken or lost say so, along with their page', async () => {
  const host = tables();
  const [broken, lost, odd] = await insertThree(host);
  await host.addDocument(broken, '{ "invoice": ');
  await host.addDocument(lost, '{}');
  await host.sql(`update task set json_data_hash = 'lost' where process_instance_id = ${lost}`);
  await host.addDocument(odd, '{"city":"\\u0000"}');

  expect((await read(host)).map(({ data }) => data)).toEqual([
    { form: 'unreadable', reason: 'the task data is not valid JSON' },
    { form: 'unreadable', reason: 'there is no document for the task data of version lost' },
    { form: 'values', values: new Map([['city', '\u0000']]), exact: true },
  ]);
});
