import type { TaskData } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import { rowCases, walkCases } from '../../stores/cases/page-cases.js';
import { path, read, readOne, readPage, storedValue } from '../../stores/repository-calls.js';
import { usePostgresHost } from './postgres-host.js';

const host = usePostgresHost();
const PATHS = [path('invoice_number'), path('city')];

walkCases(host);
rowCases(host);

describe('a page', () => {
  test('passes over instances that have every value, in their place among those that lack one', async () => {
    const filled = [...(await host.insertThree()), ...(await host.insertThree())].filter((id) => id !== 3);
    for (const id of filled) for (const { key } of PATHS) await host.insertMetadata(id, key, 'a value');
    await host.insertInstance();

    const page = async (query: Parameters<typeof readPage>[1]) =>
      (await readPage(host, query)).map((entry) => ('filled' in entry ? entry : entry.id));
    expect(await page({})).toEqual([{ cursor: 2, filled: 2 }, 3, { cursor: 6, filled: 3 }, 7]);
    expect(await page({ limit: 1 })).toEqual([{ cursor: 2, filled: 2 }, 3]);
    expect(await page({ after: 3, upTo: 5 })).toEqual([{ cursor: 5, filled: 2 }]);
    expect(await page({ paths: PATHS.map((path) => ({ ...path, mode: 'overwrite' })) })).toEqual([
      1, 2, 3, 4, 5, 6, 7,
    ]);
  });

  test('begins a page with the lowest id, in whatever order the table is scanned', async () => {
    await host.insertThree();
    await host.pglite.query(
      `update process_instance set status = 'moved to the end of the table' where id = 1`,
    );
    await host.pglite.exec(
      'set enable_indexscan = off; set enable_indexonlyscan = off; set enable_bitmapscan = off',
    );

    const page = await read(host, { limit: 2 }).finally(() => host.pglite.exec('reset all'));

    expect(page.map(({ id }) => id)).toEqual([1, 2]);
  });
});

describe('the task data', () => {
  test('is that of the completed task that ended last', async () => {
    const id = await host.insertInstance();
    await host.insertTask(id, { guid: 'b', end: 10, data: '{"city": "first"}' });
    await host.insertTask(id, { guid: 'a', end: 30.5, data: '{"city": "last"}' });
    await host.insertTask(id, { guid: 'c', end: 30.25, data: '{"city": "before the last"}' });
    await host.insertTask(id, { guid: 'd', end: 40, data: '{"city": "not done"}', state: 'STARTED' });

    expect((await readOne(host)).data).toEqual(cityIs('last'));
  });

  test('is that of a task without an end only when none has one, and of the lower id among equals', async () => {
    const timed = await host.insertInstance();
    await host.insertTask(timed, { guid: 'a', end: null, data: '{"city": "endless"}' });
    await host.insertTask(timed, { guid: 'c', end: 10, data: '{"city": "higher id"}' });
    await host.insertTask(timed, { guid: 'b', end: 10, data: '{"city": "lower id"}' });
    const endless = await host.insertInstance();
    await host.insertTask(endless, { guid: 'e', end: null, data: '{"city": "higher endless id"}' });
    await host.insertTask(endless, { guid: 'd', end: null, data: '{"city": "lower endless id"}' });

    expect((await read(host)).map(({ data }) => data)).toEqual([
      cityIs('lower id'),
      cityIs('lower endless id'),
    ]);
  });

  test('is none for an instance without a completed task', async () => {
    await host.insertTask(await host.insertInstance(), { state: 'READY', data: '{}' });

    expect(await readOne(host)).toMatchObject({ data: { form: 'none' } });
  });

  test('arrives as it is when it is broken or lost, along with its page', async () => {
    await host.insertTask(await host.insertInstance(), { data: '{ "invoice": ' });
    await host.insertTask(await host.insertInstance(), { data: null, hash: 'lost' });
    await host.insertTask(await host.insertInstance(), { data: '{"city":"\\u0000"}' });

    expect((await read(host)).map(({ data }) => data)).toEqual([
      { form: 'json', text: '{ "invoice": ' },
      { form: 'unreadable', reason: 'there is no json_data lost' },
      cityIs('\u0000'),
    ]);
  });

  test('stays in the database when each key is to be filled and has its value', async () => {
    const id = await host.insertInstance();
    await host.insertTask(id, { data: '{"city": "Oslo"}' });
    await host.insertMetadata(id, 'invoice_number', 'INV-1');

    expect((await readOne(host)).data).toEqual(cityIs('Oslo'));
    await host.insertMetadata(id, 'city', 'Oslo');
    expect(await readPage(host)).toEqual([{ cursor: id, filled: 1 }]);
    expect((await readOne(host, { paths: [path('city', 'overwrite')] })).data).toEqual(cityIs('Oslo'));
  });
});

test('a row that was written again has another token', async () => {
  const id = await host.insertInstance();
  await host.insertMetadata(id, 'city', 'Oslo');
  const before = storedValue(await readOne(host), 'city');

  await host.pglite.query(`update process_instance_metadata set value = 'Oslo'`);

  expect(storedValue(await readOne(host), 'city')).toEqual({ value: 'Oslo', token: expect.any(String) });
  expect(storedValue(await readOne(host), 'city').token).not.toBe(before.token);
});

function cityIs(city: string): TaskData {
  return { form: 'values', values: new Map([['city', city]]) };
}
