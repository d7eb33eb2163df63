import { describe, expect, test } from 'vitest';
import { fill, record, store, write } from '../repository-calls.js';
import type { SqlHost } from '../sql-host.js';

/** How a repository must take part in a transaction of Kysely. */
export function transactionCases(host: SqlHost): void {
  const loadRun = (runId: string) => host.repository.loadRun(runId);

  describe("a host's transaction", () => {
    test('commits or rolls back along with what was committed in it', async () => {
      const create = (id: string, isKept: boolean) =>
        host.database
          .transaction()
          .setIsolationLevel('read committed')
          .execute(async (transaction) => {
            const instance = { process_model_identifier: id, status: '' };
            await transaction.insertInto('process_instance').values(instance).execute();
            const stored = await store(host, [record({ id, runId: id, activeKey: id })], { transaction });
            expect(stored).toEqual({ status: 'committed' });
            expect(await host.repository.loadRun(id, { transaction })).toHaveLength(1);
            if (!isKept) throw new Error('the host changed its mind');
          });

      await create('kept', true);
      await expect(create('undone', false)).rejects.toThrow('the host changed its mind');

      const instances = await host.database.selectFrom('process_instance').selectAll().execute();
      expect(instances).toMatchObject([{ process_model_identifier: 'kept' }]);
      expect(await loadRun('kept')).toHaveLength(1);
      expect(await loadRun('undone')).toEqual([]);
    });

    test('goes on after a commit in it that was refused or failed', async () => {
      await store(host, [record({ activeKey: 'same request' })]);
      const instance = await host.insertInstance();

      await host.database.transaction().execute(async (transaction) => {
        const newer = record({ id: 'newer', runId: 'newer', activeKey: 'same request' });
        expect(await store(host, [newer], { transaction })).toEqual({ status: 'conflict' });
        expect(await store(host, [record({})], { transaction })).toEqual({ status: 'conflict' });
        const failing = write(
          host,
          [{ id: instance, values: [fill('city', 'Oslo')] }],
          { expected: [], next: () => [record({ id: 'bad', revision: Number.NaN })] },
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
