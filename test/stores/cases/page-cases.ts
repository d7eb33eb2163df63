import { describe, expect, test } from 'vitest';
import { ODD_TEXTS } from '../odd-texts.js';
import { fill, path, read, readOne, storedValue, survey, write } from '../repository-calls.js';
import type { StoreHost } from '../sql-host.js';

/** How a repository must read that hands on whole documents, and refuses keys that it cannot store. */
export function pageCases(host: StoreHost): void {
  walkCases(host);

  describe('the task data', () => {
    test('is that of the completed task that ended last', async () => {
      const id = await host.insertInstance();
      await host.insertTask(id, { guid: 'b', end: 10, data: '"first"' });
      await host.insertTask(id, { guid: 'a', end: 1_700_000_000.000002, data: '"last"' });
      await host.insertTask(id, { guid: 'c', end: 1_700_000_000.000001, data: '"before the last"' });
      await host.insertTask(id, { guid: 'd', end: 1_800_000_000, data: '"not done"', state: 'STARTED' });

      expect(await readOne(host)).toMatchObject({ data: { form: 'json', text: '"last"' } });
    });

    test('is that of a task without an end only if none has one, and of the lower id among equals', async () => {
      const timed = await host.insertInstance();
      await host.insertTask(timed, { guid: 'a', end: null, data: '"endless"' });
      await host.insertTask(timed, { guid: 'c', end: 10, data: '"higher id"' });
      await host.insertTask(timed, { guid: 'b', end: 10, data: '"lower id"' });
      const endless = await host.insertInstance();
      await host.insertTask(endless, { guid: 'e', end: null, data: '"higher endless id"' });
      await host.insertTask(endless, { guid: 'd', end: null, data: '"lower endless id"' });

      expect((await read(host)).map(({ data }) => data)).toEqual([
        { form: 'json', text: '"lower id"' },
        { form: 'json', text: '"lower endless id"' },
      ]);
    });

    test('is none for an instance without a completed task', async () => {
      await host.insertTask(await host.insertInstance(), { state: 'READY', data: '{}' });

      expect(await readOne(host)).toMatchObject({ data: { form: 'none' } });
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
      await host.insertMetadata(id, 'invoice_number', 'INV-1');

      expect(await readOne(host)).toMatchObject({ data: { form: 'json' } });
      await host.insertMetadata(id, 'city', 'Oslo');
      expect(await readOne(host)).toMatchObject({ data: { form: 'none' } });
      expect(await readOne(host, { paths: [path('city', 'overwrite')] })).toMatchObject({
        data: { form: 'json' },
      });
    });
  });

  rowCases(host);

  describe('keys', () => {
    test('that their column cannot hold are refused before anything is read', async () => {
      const reading = (key: string) => read(host, { paths: [path(key)] });
      await expect(reading('k'.repeat(256))).rejects.toThrow('holds 255 characters');
      await expect(reading('half a \ud83d pair')).rejects.toThrow('cannot store "half a \\ud83d pair"');
      await expect(reading('🧾'.repeat(255))).resolves.toEqual([]);
    });

    test('that differ in case or accent alone are two keys', async () => {
      const id = await host.insertInstance();
      await host.insertMetadata(id, 'City', 'Oslo');

      const { stored } = await readOne(host, { paths: [path('city'), path('CITY'), path('cité')] });
      expect([...stored]).toEqual([]);
      await write(host, [{ id, values: [fill('city', 'Bergen')] }]);
      expect(await host.metadata(id)).toEqual({ City: 'Oslo', city: 'Bergen' });
    });
  });
}

/** How any repository must walk. */
export function walkCases(host: StoreHost): void {
  describe('the walk', () => {
    test('counts the instances of one model and finds the last of them', async () => {
      const [first, second, third] = await host.insertThree();
      const other = await host.insertInstance({ model: 'test_group/other' });

      expect(await survey(host)).toEqual({ total: 3, upTo: third });
      expect(await survey(host, { after: first })).toEqual({ total: 2, upTo: third });
      expect(await survey(host, { limit: 2 })).toEqual({ total: 2, upTo: second });
      expect(await survey(host, { instanceIds: [second, other, 99_999] })).toEqual({
        total: 1,
        upTo: second,
      });
      expect(await survey(host, { instanceIds: [] })).toEqual({ total: 0, upTo: null });
      expect(await survey(host, { processModelId: 'test_group/none' })).toEqual({ total: 0, upTo: null });
    });

    test('reads pages in ascending order, after the cursor, up to the bound, no longer than the limit', async () => {
      const [first, second, third] = await host.insertThree();
      const other = await host.insertInstance({ model: 'test_group/other' });
      const [fourth, fifth, sixth] = await host.insertThree();
      const ids = async (query: Parameters<typeof read>[1]) => (await read(host, query)).map(({ id }) => id);

      expect(await ids({})).toEqual([first, second, third, fourth, fifth, sixth]);
      expect(await ids({ limit: 2 })).toEqual([first, second]);
      expect(await ids({ after: second, upTo: fifth })).toEqual([third, fourth, fifth]);
      expect(await ids({ after: sixth })).toEqual([]);
      expect(await ids({ instanceIds: [sixth, fourth, other, first], after: first })).toEqual([
        fourth,
        sixth,
      ]);
      expect((await read(host)).map(({ cursor }) => cursor)).toEqual(await ids({}));
    });
  });
}

/** Which rows any repository must show, and how. */
export function rowCases(host: StoreHost): void {
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

    test('have a token that stays while the row does, and is another one for a new row', async () => {
      const id = await host.insertInstance();
      const tokens: unknown[] = [];
      for (const isNew of [true, false, true]) {
        if (isNew) {
          await host.deleteMetadata(id, 'city');
          await host.insertMetadata(id, 'city', 'Oslo');
        }
        tokens.push(storedValue(await readOne(host), 'city').token);
      }

      expect(tokens).toEqual([expect.any(String), tokens[0], expect.not.stringMatching(`^${tokens[0]}$`)]);
    });

    test('come back with any characters in their keys and values', async () => {
      const id = await host.insertInstance();
      for (const text of ODD_TEXTS) await host.insertMetadata(id, text, text);

      const { stored } = await readOne(host, { paths: [...ODD_TEXTS, 'none'].map((key) => path(key)) });
      expect(new Map([...stored].map(([key, { value }]) => [key, value]))).toEqual(
        new Map(ODD_TEXTS.map((text) => [text, text])),
      );
    });
  });
}
