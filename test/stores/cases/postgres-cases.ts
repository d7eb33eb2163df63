import { expect, test } from 'vitest';
import { insertInstance } from '../../support/tables.js';
import type { TablesFixture } from '../../testing/fixtures/tables-fixture.js';
import { read, readOne, storedValue, write } from '../repository-calls.js';

/** What PostgreSQL can do and others cannot. */
export function postgresCases(tables: () => TablesFixture): void {
  test('a row that was rewritten with the value that was read, in the same second, is another row', async () => {
    const host = tables();
    const id = await insertInstance(host);
    await host.setMetadata(id, 'city', 'Oslo');
    const replaces = storedValue(await readOne(host), 'city');
    await host.sql(`update process_instance_metadata set value = 'Oslo'`);

    const { outcome } = await write(host, [{ id, values: [{ key: 'city', value: 'Bergen', replaces }] }]);

    expect(outcome?.kept).toEqual([{ id, key: 'city' }]);
    expect(await host.metadata(id)).toEqual({ city: 'Oslo' });
  });

  test('a document with half a surrogate pair, which the type json takes, arrives as it is', async () => {
    const host = tables();
    for (const text of ['{"half": "\\ud83d"}', '{}'])
      await host.addDocument(await insertInstance(host), text);

    expect((await read(host)).map(({ data }) => data)).toEqual([
      { form: 'json', text: '{"half": "\\ud83d"}' },
      { form: 'json', text: '{}' },
    ]);
  });
}
