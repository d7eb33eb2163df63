import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Database } from '../../../examples/2-sql-databases/repository/tables.js';
import { fill, readOne, write } from '../repository-calls.js';
import type { SqlHost } from '../sql-host.js';

/** Where several connections write at the same time. */
export function waitingCases(host: SqlHost): void {
  /** Starts the commit while `live` is under way, and ends `live` only when the commit has had time to finish. */
  async function commitDuring(live: (database: Database) => Promise<unknown>, version?: string) {
    const [{ id } = { id: 0 }] = await host.database.selectFrom('process_instance').select('id').execute();
    const values = [fill('city', 'Oslo')];
    let isSettled = false;
    const committing = await host.database.transaction().execute(async (transaction) => {
      await live(transaction);
      const commit = write(host, [{ id, values, ...(version !== undefined && { version }) }]).finally(() => {
        isSettled = true;
      });
      await setTimeout(100);
      expect(isSettled).toBe(false);
      return { commit };
    });
    return committing.commit;
  }

  describe('a commit', () => {
    test('waits for a save that is under way, and finds itself stale', async () => {
      const id = await host.insertInstance({ status: 'waiting' });
      await host.insertTask(id, { end: 1, data: '"before"' });
      const { version } = await readOne(host);

      const { result } = await commitDuring(async (live) => {
        await live.updateTable('process_instance').set({ status: 'complete' }).execute();
        const task = { guid: 'newer', process_instance_id: id, state: 'COMPLETED', end_in_seconds: 2 };
        await live
          .insertInto('task')
          .values({ ...task, json_data_hash: 'newer' })
          .execute();
      }, version);

      expect(result).toEqual({ status: 'stale', instanceIds: [id] });
    });

    test('waits for a deletion that is under way, and finds its instance gone', async () => {
      const id = await host.insertInstance();

      const { outcome } = await commitDuring((live) => live.deleteFrom('process_instance').execute());

      expect(outcome).toEqual({ gone: [id], kept: [] });
    });

    test('waits for a value that is being inserted, and keeps it', async () => {
      const id = await host.insertInstance();
      const row = { process_instance_id: id, key: 'city', value: 'live' };

      const { outcome } = await commitDuring((live) =>
        live
          .insertInto('process_instance_metadata')
          .values({ ...row, created_at_in_seconds: 1, updated_at_in_seconds: 1 })
          .execute(),
      );

      expect(outcome).toEqual({ gone: [], kept: [{ id, key: 'city' }] });
      expect(await host.metadata(id)).toEqual({ city: 'live' });
    });
  });
}
