import { expect, test } from 'vitest';
import { commitCases } from '../stores/cases/commit-cases.js';
import { fill, write } from '../stores/repository-calls.js';
import { embeddedTables } from '../support/embedded-postgres.js';
import { insertThree, useTables } from '../support/tables.js';

const tables = useTables(embeddedTables);

commitCases(tables);

test('rejects a value that PostgreSQL cannot hold, by its code and with nothing changed', async () => {
  const host = tables();
  const [first, second] = await insertThree(host);
  const values = [fill('city', 'Os\u0000lo')];

  await expect(
    write(host, [
      { id: first, values: [fill('city', 'Bergen')] },
      { id: second, values },
    ]),
  ).rejects.toMatchObject({ code: '22P05' });

  expect(await host.metadata(first)).toEqual({});
  expect(await host.repository.loadRun('run')).toEqual([]);
});
