import { describe, expect, test } from 'vitest';
import { insertInstance, type KyselyTables } from '../../support/tables.js';
import { fill, record, store, write } from '../repository-calls.js';

/** How a repository must take part in a transaction of Kysely. */
export function transactionCases(tables: () => KyselyTables): void {
  describe("a host's transaction", () => {
    test('goes on after a commit in it that was refused or failed', async () => {
      const host = tables();
      await store(host, [record({ activeKey: 'same request' })]);
      const instance = await insertInstance(host);

      await host.database.transaction().execute(async (transaction) => {
        const newer = record({ id: 'newer', runId: 'newer', activeKey: 'same request' });
        expect(await store(host, [newer], { transaction })).toEqual({ status: 'conflict' });
        expect(await store(host, [record({})], { transaction })).toEqual({ status: 'conflict' });
        const failing = write(
          host,
          [{ id: instance, values: [fill('city', 'Oslo')] }],
          { expected: [], next: () => [record({ id: 'bad', revision: null as never })] },
          { transaction },
        );
        await expect(failing).rejects.toThrow();
        await transaction.updateTable('process_instance').set({ status: 'the host went on' }).execute();
      });

      expect(await host.metadata(instance)).toEqual({});
      const instances = await host.database.selectFrom('process_instance').selectAll().execute();
      expect(instances).toMatchObject([{ status: 'the host went on' }]);
    });
  });
}
