import { setTimeout } from 'node:timers/promises';
import { runBackfill } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import type { Database } from '../../../examples/3-sql-databases/repository/tables.js';
import { MODEL } from '../../support/instances.js';
import { intercept } from '../../support/intercept.js';
import { completedTask, insertInstance, type KyselyTables } from '../../support/tables.js';
import { fill, readOne, write } from '../repository-calls.js';

/** Where several connections write at the same time. */
export function waitingCases(tables: () => KyselyTables): void {
  test('an instance with a lower id that commits after the survey is met by the walk', async () => {
    const host = tables();
    const late = await insertInTransaction(host.database);
    await insertInstance(host, { tasks: [completedTask({ city: 'Oslo' })] });
    const repository = intercept(host.repository, async ({ method, proceed }) => {
      const answer = await proceed();
      if (method === 'surveyInstances') await late.commit();
      return answer;
    });

    const paths = [{ key: 'city', path: 'city' }];
    const report = await runBackfill({ repository, processModelId: MODEL, paths }).finally(late.commit);

    expect(report).toMatchObject({ state: 'completed', total: 2, processed: 2, gone: 0 });
  });

  /** Starts the commit while `live` is under way, and ends `live` only when the commit has had time to finish. */
  async function commitDuring(live: (database: Database) => Promise<unknown>, version?: string) {
    const host = tables();
    const [{ id } = { id: 0 }] = await host.database.selectFrom('process_instance').select('id').execute();
    const values = [fill('city', 'Oslo')];
    let isSettled = false;
    let committing: ReturnType<typeof write> | undefined;
    try {
      await host.database.transaction().execute(async (transaction) => {
        await live(transaction);
        committing = write(host, [{ id, values, ...(version !== undefined && { version }) }]).finally(() => {
          isSettled = true;
        });
        await Promise.race([committing, setTimeout(100)]);
        expect(isSettled).toBe(false);
      });
    } finally {
      await committing;
    }
    if (committing === undefined) throw new Error('expected a commit');
    return committing;
  }

  describe('a commit', () => {
    test('waits for a save that is under way, and leaves its instance out', async () => {
      const host = tables();
      const id = await insertInstance(host, { running: true, tasks: [completedTask('before')] });
      const { version } = await readOne(host);

      const { result, outcome } = await commitDuring(async (live) => {
        await live.updateTable('process_instance').set({ status: 'complete' }).execute();
        const task = { guid: 'newer', process_instance_id: id, state: 'COMPLETED', end_in_seconds: 2 };
        await live
          .insertInto('task')
          .values({ ...task, json_data_hash: 'newer' })
          .execute();
      }, version);

      expect(result).toEqual({ status: 'committed' });
      expect(outcome).toEqual({ gone: [], kept: [], moved: [id] });
    });

    test('waits for a deletion that is under way, and finds its instance gone', async () => {
      const id = await insertInstance(tables());

      const { outcome } = await commitDuring((live) => live.deleteFrom('process_instance').execute());

      expect(outcome).toEqual({ gone: [id], kept: [], moved: [] });
    });

    test('waits for a value that is being inserted, and keeps it', async () => {
      const host = tables();
      const id = await insertInstance(host);
      const row = { process_instance_id: id, key: 'city', value: 'live' };

      const { outcome } = await commitDuring((live) =>
        live
          .insertInto('process_instance_metadata')
          .values({ ...row, created_at_in_seconds: 1, updated_at_in_seconds: 1 })
          .execute(),
      );

      expect(outcome).toEqual({ gone: [], kept: [{ id, key: 'city' }], moved: [] });
      expect(await host.metadata(id)).toEqual({ city: 'live' });
    });
  });
}

/** An instance that nobody sees before `commit` has resolved. */
async function insertInTransaction(database: Database) {
  const transaction = await database.startTransaction().execute();
  await transaction
    .insertInto('process_instance')
    .values({ process_model_identifier: MODEL, status: 'waiting' })
    .execute();
  return {
    async commit() {
      if (!transaction.isCommitted) await transaction.commit().execute();
    },
  };
}
