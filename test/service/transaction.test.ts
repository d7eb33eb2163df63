import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pgliteDatabase, pgliteSql, type Sql } from '../../examples/2-embedded-postgres/sql.js';
import { type BackfillQueue, type BackfillService, createBackfillService } from '../../src/index.js';
import { openEmbeddedPostgres } from '../support/embedded-postgres.js';
import { MODEL, PATHS } from '../support/instances.js';
import { createPostgresRepository } from '../support/spiff-repository.js';

let pglite: PGlite;
let service: BackfillService<Sql>;

beforeAll(async () => {
  pglite = await openEmbeddedPostgres();
  await pglite.exec('create table job (key text primary key); create table model (version int)');
  const database = pgliteDatabase(pglite);
  const queue: BackfillQueue<Sql> = {
    transactional: true,
    async enqueue({ key }, { transaction = database } = {}) {
      await transaction.query('insert into job values ($1) on conflict do nothing', [key]);
    },
  };
  service = createBackfillService({
    repository: createPostgresRepository(database),
    queue,
    transactional: true,
  });
});

afterAll(() => pglite.close());

const counts = async () => {
  const tables = ['metadata_backfill_run', 'job', 'model'];
  const rows = await Promise.all(
    tables.map((table) => pglite.query<{ n: number }>(`select count(*)::int as n from ${table}`)),
  );
  return rows.map((result) => result.rows[0]?.n);
};

/** Updates the model and asks for its new paths, as many times as there are paths. */
function update(transaction: Sql, ...requests: (readonly { key: string; path: string }[])[]) {
  return requests.reduce<Promise<unknown[]>>(
    async (earlier, paths) => [
      ...(await earlier),
      await service.request({ processModelId: MODEL, paths, transaction }),
    ],
    transaction.query('insert into model values (2)').then(() => []),
  );
}

test('a host’s transaction that rolls back takes model update, run and job with it', async () => {
  const rolledBack = pglite.transaction(async (transaction) => {
    await update(pgliteSql(transaction), PATHS);
    throw new Error('the host changed its mind');
  });

  await expect(rolledBack).rejects.toThrow('the host changed its mind');
  expect(await counts()).toEqual([0, 0, 0]);
});

test('an error inside of a host’s transaction does not advise to go on with the run, which is rolled back', async () => {
  let tries = 0;
  const failing: BackfillQueue<Sql> = {
    transactional: true,
    async enqueue() {
      tries += 1;
      throw new Error('no such table');
    },
  };
  const repository = createPostgresRepository(pgliteDatabase(pglite));
  const other = createBackfillService({ repository, queue: failing, transactional: true });

  const request = pglite.transaction((open) =>
    other.request({ processModelId: MODEL, paths: PATHS, transaction: pgliteSql(open) }),
  );

  await expect(request).rejects.toThrow('queue.enqueue failed: no such table. Retry.');
  expect(tries).toBe(1); // the transaction may be broken, and it holds the owner record
  expect(await counts()).toEqual([0, 0, 0]);
});

test('inside of a host’s transaction, a statement that fails is not sent again', async () => {
  let tries = 0;
  const repository = createPostgresRepository(pgliteDatabase(pglite));
  const failing: typeof repository = {
    ...repository,
    async findRuns() {
      tries += 1;
      throw new Error('the connection is gone');
    },
  };
  const other = createBackfillService({
    repository: failing,
    queue: { transactional: true, enqueue: async () => {} },
    transactional: true,
  });

  const request = pglite.transaction((open) =>
    other.request({ processModelId: MODEL, paths: PATHS, transaction: pgliteSql(open) }),
  );

  await expect(request).rejects.toThrow('repository.findRuns failed: the connection is gone');
  expect(tries).toBe(1);
});

test('equal and contrary requests meet inside one open transaction as they do outside', async () => {
  const contrary = [{ key: 'invoice_number', path: 'bill.number' }];

  const results = await pglite.transaction((transaction) =>
    update(pgliteSql(transaction), PATHS, PATHS, contrary),
  );

  expect(results).toMatchObject([{ created: true }, { created: false }, { created: true }]);
  expect(results[1]).toMatchObject({ runId: (results[0] as { runId: string }).runId });
  const ownerRecord = 1;
  expect(await counts()).toEqual([4 + ownerRecord, 3, 1]);
  expect((await service.list()).map(({ state }) => state)).toEqual(['pending', 'cancelled']);
});
