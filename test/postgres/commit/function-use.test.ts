import type { PGlite } from '@electric-sql/pglite';
import { runBackfill } from 'process-metadata-backfill';
import { createPostgresRepository, createRunTable, fromPglite } from 'process-metadata-backfill/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPglite } from '../../support/pglite.js';

let pglite: PGlite;
beforeAll(async () => {
  pglite = await createPglite();
  await pglite.exec(`
    create table instance (id serial primary key, model text not null, data jsonb, metadata jsonb);
    insert into instance (model, data) select 'm', jsonb_build_object('city', 'city ' || n) from generate_series(1, 30) n;
    ${createRunTable()};`);
});
afterAll(() => pglite.close());

test('a function that is dropped while the process lives is done without', async () => {
  const transactions = { begun: 0 };
  const database = fromPglite(pglite);
  const repository = createPostgresRepository({
    database: {
      ...database,
      transaction(work) {
        transactions.begun += 1;
        return database.transaction(work);
      },
    },
    instances: { table: 'instance', model: 'model' }, // the versions of all instances are compared
    taskData: { column: 'data', type: 'jsonb' },
    metadata: { column: 'metadata' },
  });
  const begunBy = async (key: string) => {
    const before = transactions.begun;
    const paths = [{ key, path: 'city' }];
    const report = await runBackfill({ repository, processModelId: 'm', paths, batchSize: 10 });
    expect(report).toMatchObject({ state: 'completed', updated: 30 });
    return transactions.begun - before;
  };

  expect(await begunBy('first')).toBe(0);
  await pglite.exec('drop function metadata_backfill_run_is_true');
  expect(await begunBy('second')).toBeGreaterThan(0);
});
