import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { insertThree } from '../../support/tables.js';
import type { TablesFixture } from '../../testing/fixtures/tables-fixture.js';
import { fill, record, write } from '../repository-calls.js';

/** What must not get out of a repository that keeps data out of its errors. */
export function errorCases(tables: () => TablesFixture): void {
  test('a commit that fails changes nothing, and its error carries no data', async () => {
    const host = tables();
    const [first, second] = await insertThree(host);
    const value = 'do not tell';

    const failed: unknown = await write(
      host,
      [
        { id: first, values: [fill('city', value)] },
        { id: second, values: [fill('city', value)] },
      ],
      { next: () => [record({ processModelId: `${value}${'x'.repeat(300)}`, revision: null as never })] },
    ).catch((error: unknown) => error);

    expect(failed).toBeInstanceOf(Error);
    expect(inspect(failed, { depth: 9 })).not.toContain(value);
    expect(await host.metadata(first)).toEqual({});
    expect(await host.metadata(second)).toEqual({});
  });
}
