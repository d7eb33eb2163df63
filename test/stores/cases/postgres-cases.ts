import { expect, test } from 'vitest';
import { read, readOne, storedValue, write } from '../repository-calls.js';
import type { SqlHost } from '../sql-host.js';

/** What PostgreSQL can do and others cannot. */
export function postgresCases(host: SqlHost): void {
  test('a row that was rewritten with the value that was read is another row', async () => {
    const id = await host.insertInstance();
    await host.insertMetadata(id, 'city', 'Oslo');
    const replaces = storedValue(await readOne(host), 'city');
    await host.updateMetadata(id, 'city', 'Oslo');

    const { outcome } = await write(host, [{ id, values: [{ key: 'city', value: 'Bergen', replaces }] }]);

    expect(outcome?.kept).toEqual([{ id, key: 'city' }]);
    expect(await host.metadata(id)).toEqual({ city: 'Oslo' });
  });

  test('a document with half a surrogate pair, which the type json takes, arrives as it is', async () => {
    await host.insertTask(await host.insertInstance(), { data: '{"half": "\\ud83d"}' });
    await host.insertTask(await host.insertInstance(), { data: '{}' });

    expect((await read(host)).map(({ data }) => data)).toEqual([
      { form: 'json', text: '{"half": "\\ud83d"}' },
      { form: 'json', text: '{}' },
    ]);
  });
}
