import { describe, expect, test } from 'vitest';
import type { Host } from '../hosts/host.js';
import { oddNames } from '../hosts/odd-names.js';
import { oneTable } from '../hosts/one-table.js';
import { ALL_WRITTEN, fill, useHost } from '../hosts/use-host.js';

const HOSTS: readonly { host: Host; table: string; id: string; document: string }[] = [
  { host: oneTable, table: 'instances', id: 'id', document: 'context' },
  {
    host: oddNames,
    table: '"Host ""A"""."Process Instances"',
    id: '"Instance ID"',
    document: `"Task 'data'"`,
  },
];

describe.each(HOSTS)('documents in a column of the instance, over $host.title', (places) => {
  const { host, table, id: idColumn, document } = places;
  const opened = useHost(host);

  /** Commits a value of each instance as it was read, and writes their rows in between. */
  async function commitAfter(before: readonly (string | undefined)[], after: string) {
    const one = opened();
    const ids = [];
    for (const city of before) ids.push(await one.insertOne(city === undefined ? city : { city }));
    const writes = (await one.read()).map(({ id, version = 'none' }) => ({
      id,
      version,
      values: [fill('city', 'Oslo')],
    }));
    for (const id of ids)
      await one.database.query(`update ${table} set ${document} = ${after} where ${idColumn} = $1`, [id]);
    return { ids, outcome: (await one.commit(writes)).outcome };
  }

  test('an instance whose row was written, but not its document, has not moved', async () => {
    const { ids, outcome } = await commitAfter(['Oslo', undefined], document);

    expect(outcome).toEqual(ALL_WRITTEN);
    for (const id of ids) expect(await opened().metadata(id)).toEqual({ city: 'Oslo' });
  });

  test.each([
    ['another document', `'{"city": "Bergen"}'`],
    ['no document', 'null'],
  ])('an instance that has %s by now has moved', async (_, after) => {
    const { ids, outcome } = await commitAfter(['Oslo'], after);

    expect(outcome).toEqual({ ...ALL_WRITTEN, moved: ids });
  });

  test('an instance that has got its first document has moved', async () => {
    const { ids, outcome } = await commitAfter([undefined], `'{"city": "Bergen"}'`);

    expect(outcome).toEqual({ ...ALL_WRITTEN, moved: ids });
  });
});
