import { describe, expect, test } from 'vitest';
import { path, read, readOne } from '../repository-calls.js';
import type { StoreHost } from '../sql-host.js';

/** How a repository must read that hands on whole documents, and refuses keys that it cannot store. */
export function pageCases(host: StoreHost): void {
  describe('the task data', () => {
    test('is that of the task that ended last, if only by a microsecond', async () => {
      const id = await host.insertInstance();
      await host.insertTask(id, { guid: 'higher id', end: 1_700_000_000.000002, data: '"last"' });
      await host.insertTask(id, { guid: 'a lower id', end: 1_700_000_000.000001, data: '"before the last"' });

      expect(await readOne(host)).toMatchObject({ data: { form: 'json', text: '"last"' } });
    });

    test('arrives as it was stored, also where a document is lost or holds odd characters', async () => {
      const odd = '{"NUL": "\\u0000", "big": 12345678901234567890, "price": 1.10, "ü": "🧾"}';
      for (const data of [odd, null, 'null']) {
        await host.insertTask(await host.insertInstance(), { data, ...(data === null && { hash: 'lost' }) });
      }

      expect((await read(host)).map(({ data }) => data)).toEqual([
        { form: 'json', text: odd },
        { form: 'unreadable', reason: 'there is no json_data lost' },
        { form: 'json', text: 'null' },
      ]);
    });

    test('stays in the database when each key is to be filled and has its value', async () => {
      const id = await host.insertInstance();
      await host.insertTask(id, { data: '{}' });
      for (const key of ['invoice_number', 'city']) await host.insertMetadata(id, key, 'there');

      expect(await readOne(host)).toMatchObject({ data: { form: 'none' } });
    });
  });

  test('keys that their column cannot hold are refused before anything is read', async () => {
    const reading = (key: string) => read(host, { paths: [path(key)] });
    await expect(reading('k'.repeat(256))).rejects.toThrow('holds 255 characters');
    await expect(reading('half a \ud83d pair')).rejects.toThrow('cannot store "half a \\ud83d pair"');
    await expect(reading('🧾'.repeat(255))).resolves.toEqual([]);
  });
}
