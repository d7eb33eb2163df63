import type { TaskData } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import { path, read, readOne, readPage } from '../../stores/repository-calls.js';
import { usePostgresHost } from './postgres-host.js';

const host = usePostgresHost();
const PATHS = [path('invoice_number'), path('city')];

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
  test('is that of the task that ended last, if only by a microsecond', async () => {
    const id = await host.insertInstance();
    await host.insertTask(id, { guid: 'higher id', end: 1_700_000_000.000002, data: '{"city": "last"}' });
    await host.insertTask(id, {
      guid: 'a lower id',
      end: 1_700_000_000.000001,
      data: '{"city": "before the last"}',
    });

    expect((await readOne(host)).data).toEqual(cityIs('last'));
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
});

function cityIs(city: string): TaskData {
  return { form: 'values', values: new Map([['city', city]]) };
}
