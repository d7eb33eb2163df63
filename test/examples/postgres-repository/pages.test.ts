import type { TaskData } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import { ODD_TEXTS } from '../../stores/odd-texts.js';
import { path, read, readOne, readPage, storedValue, survey } from '../../stores/repository-calls.js';
import { usePostgresHost } from './postgres-host.js';

const host = usePostgresHost();
const PATHS = [path('invoice_number'), path('city')];

describe('the walk', () => {
  test('counts the instances of one model and finds the last of them', async () => {
    await host.insertThree();
    await host.insertInstance({ model: 'test_group/other' });

    expect(await survey(host)).toEqual({ total: 3, upTo: 3 });
    expect(await survey(host, { after: 1 })).toEqual({ total: 2, upTo: 3 });
    expect(await survey(host, { limit: 2 })).toEqual({ total: 2, upTo: 2 });
    expect(await survey(host, { instanceIds: [2, 4, 99] })).toEqual({ total: 1, upTo: 2 });
    expect(await survey(host, { processModelId: 'test_group/none' })).toEqual({ total: 0, upTo: null });
  });

  test('passes over instances that have every value, in their place among those that lack one', async () => {
    const complete = [...(await host.insertThree()), ...(await host.insertThree())].filter((id) => id !== 3);
    for (const id of complete) for (const { key } of PATHS) await host.insertMetadata(id, key, 'a value');
    await host.insertInstance();

    const page = async (query: Parameters<typeof readPage>[1]) =>
      (await readPage(host, query)).map((entry) => ('complete' in entry ? entry : entry.id));
    expect(await page({})).toEqual([{ cursor: 2, complete: 2 }, 3, { cursor: 6, complete: 3 }, 7]);
    expect(await page({ limit: 1 })).toEqual([{ cursor: 2, complete: 2 }, 3]);
    expect(await page({ after: 3, upTo: 5 })).toEqual([{ cursor: 5, complete: 2 }]);
    expect(await page({ paths: PATHS.map((path) => ({ ...path, mode: 'overwrite' })) })).toEqual([
      1, 2, 3, 4, 5, 6, 7,
    ]);
  });

  test('reads pages in ascending order, after the cursor, up to the bound, and no longer than the limit', async () => {
    await host.insertThree();
    await host.insertInstance({ model: 'test_group/other' });
    await host.insertThree();

    const ids = async (query: Parameters<typeof read>[1]) => (await read(host, query)).map(({ id }) => id);
    expect(await ids({})).toEqual([1, 2, 3, 5, 6, 7]);
    expect(await ids({ limit: 2 })).toEqual([1, 2]);
    expect(await ids({ after: 2, upTo: 6 })).toEqual([3, 5, 6]);
    expect(await ids({ after: 7 })).toEqual([]);
    expect(await ids({ instanceIds: [7, 5, 4, 1], after: 1 })).toEqual([5, 7]);
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
    expect(await readPage(host)).toEqual([{ cursor: id, complete: 1 }]);
    expect((await readOne(host, { paths: [path('city', 'overwrite')] })).data).toEqual(cityIs('Oslo'));
  });
});

describe('the rows of a page', () => {
  test('are those of its instances under its keys', async () => {
    const [first, second] = await host.insertThree();
    await host.insertMetadata(first, 'invoice_number', 'INV-1');
    await host.insertMetadata(first, 'customer_id', 'C-1');
    await host.insertMetadata(second, 'city', '');

    const page = await read(host);
    expect(page.map(({ stored }) => [...stored].map(([key, { value }]) => [key, value]))).toEqual([
      [['invoice_number', 'INV-1']],
      [['city', '']],
      [],
    ]);
  });

  test('have a token that changes with the row', async () => {
    const id = await host.insertInstance();
    await host.insertMetadata(id, 'city', 'Oslo');
    const before = storedValue(await readOne(host), 'city');

    await host.pglite.query(`update process_instance_metadata set value = 'Oslo'`);

    expect(storedValue(await readOne(host), 'city')).toEqual({ value: 'Oslo', token: expect.any(String) });
    expect(storedValue(await readOne(host), 'city').token).not.toBe(before.token);
  });

  test('come under odd keys, too', async () => {
    const id = await host.insertInstance();
    for (const text of ODD_TEXTS) await host.insertMetadata(id, text, text);

    const { stored } = await readOne(host, { paths: [...ODD_TEXTS, 'none'].map((key) => path(key)) });
    expect([...stored.keys()].sort()).toEqual([...ODD_TEXTS].sort());
  });
});

function cityIs(city: string): TaskData {
  return { form: 'values', values: new Map([['city', city]]) };
}
