import { describe, expect, test } from 'vitest';
import { completedTask, insertInstance, insertThree, type KyselyTables } from '../../support/tables.js';
import type { TablesFixture } from '../../testing/fixtures/tables-fixture.js';
import { path, read, readOne } from '../repository-calls.js';

/** How a repository must read that hands on whole documents, and refuses keys that it cannot store. */
export function pageCases(tables: () => KyselyTables): void {
  newestTaskCases(tables);

  describe('the task data', () => {
    test('arrives as it was stored, also where a document is lost or holds odd characters', async () => {
      const host = tables();
      const odd = '{"NUL": "\\u0000", "big": 12345678901234567890, "price": 1.10, "ü": "🧾"}';
      const [first, lost, last] = await insertThree(host);
      await host.addDocument(first, odd);
      await host.addDocument(lost, '{}');
      await host.breakTaskData?.(lost);
      await host.addDocument(last, 'null');

      expect((await read(host)).map(({ data }) => data)).toEqual([
        { form: 'json', text: odd },
        { form: 'unreadable', reason: 'there is no json_data lost' },
        { form: 'json', text: 'null' },
      ]);
    });

    test('stays in the database when each key is to be filled and has its value', async () => {
      const host = tables();
      const id = await insertInstance(host, { tasks: [completedTask({})] });
      for (const key of ['invoice_number', 'city']) await host.setMetadata(id, key, 'there');

      expect(await readOne(host)).toMatchObject({ data: { form: 'none' } });
    });
  });

  test('keys that their column cannot hold are refused before anything is read', async () => {
    const reading = (key: string) => read(tables(), { paths: [path(key)] });
    await expect(reading('k'.repeat(256))).rejects.toThrow('holds 255 characters');
    await expect(reading('half a \ud83d pair')).rejects.toThrow('cannot store "half a \\ud83d pair"');
    await expect(reading('🧾'.repeat(255))).resolves.toEqual([]);
  });
}

/** Which task is the newest, beyond the conformance cases: a Date has no microseconds. */
export function newestTaskCases(tables: () => TablesFixture): void {
  test('the task data is that of the task that ended last, if only by a microsecond', async () => {
    const host = tables();
    const tasks = ['earlier', 'later'].map((city) => ({ ...completedTask({ city }), id: city }));
    await insertInstance(host, { tasks });
    await host.sql(`update task set end_in_seconds = 1700000000.000001 where guid = 'earlier'`);
    await host.sql(`update task set end_in_seconds = 1700000000.000002 where guid = 'later'`);

    const { data } = await readOne(host);
    const document = data.form === 'json' ? JSON.parse(data.text) : data;
    expect(document.city ?? document.values.get('city')).toBe('later');
  });
}
