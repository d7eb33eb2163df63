import type { PGlite } from '@electric-sql/pglite';
import { runBackfill } from 'process-metadata-backfill';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pgliteDatabase, type SqlDatabase } from '../../examples/2-embedded-postgres/sql.js';
import { emptyMetadata, fillTables, vacuum } from '../bench/fill-tables.js';
import { MODEL, pathsOf } from '../bench/scenario.js';
import { createPglite } from '../support/pglite.js';
import { createPostgresRepository } from '../support/spiff-repository.js';

const BATCHES = 4;
const INSTANCES = 400;

let pglite: PGlite;
beforeAll(async () => {
  pglite = await createPglite();
  await fillTables(pgliteDatabase(pglite), { instances: INSTANCES, kilobytes: 1.6, type: 'json', keys: 20 });
});
afterAll(() => pglite.close());

test.each([
  { batchSize: 5, keys: 1 },
  { batchSize: 50, keys: 1 },
  { batchSize: 5, keys: 20 },
  { batchSize: 50, keys: 20 },
])(
  'a batch of $batchSize instances and $keys keys is one read and one commit, each a single statement',
  async (size) => {
    const few = await sentBy({ ...size, batches: BATCHES });
    const more = await sentBy({ ...size, batches: 2 * BATCHES });

    expect(more.reads - few.reads).toBe(BATCHES);
    expect(more.commits - few.commits).toBe(BATCHES);
    expect(more.others).toBe(few.others);
    expect(more.transactions).toBe(0); // they are for batches that have met another writer
  },
);

test.each([1, 100, 2000])(
  'a rerun passes over 21,000 filled instances in a few batches, of %i',
  async (batchSize) => {
    const database = pgliteDatabase(pglite);
    await emptyMetadata(database);
    await database.query('delete from process_instance where id > 1000');
    await database.query(
      `insert into process_instance select 1000 + n, 'filled', 'complete' from generate_series(1, 21000) n`,
    );
    await database.query(
      `insert into process_instance_metadata (process_instance_id, key, value, created_at_in_seconds, updated_at_in_seconds)
     select id, 'invoice_number', 'there before', 0, 0 from process_instance where id > 1000`,
    );
    await vacuum(database);
    const { sent, counting } = countStatements(database);

    const report = await runBackfill({
      repository: createPostgresRepository(counting),
      processModelId: 'filled',
      paths: pathsOf({ keys: 1 }),
      batchSize,
    });

    expect(report).toMatchObject({ state: 'completed', processed: 21_000, updated: 0 });
    // The first page reaches 1,000 instances, and each other one 10,000. Seven statements begin and end a run: among them two for the owner
    // of its keys, and one for open transactions.
    expect(sent).toMatchObject({ reads: 3, others: 7, transactions: 0 });
  },
);

test('a run that meets no open transaction sends one statement for that, and walks once', async () => {
  const size = { batchSize: 50, keys: 1 };
  const part = await sentBy({ ...size, batches: 8 });
  const whole = await sentBy({ ...size, batches: null });

  // Without a limit, it looks for open transactions, and for a page behind the last batch.
  expect(whole.asked).toBe(1);
  expect(part.asked).toBe(0);
  expect(whole.commits).toBe(part.commits);
  expect(whole.reads - part.reads).toBeLessThanOrEqual(1);
  expect(whole.others - part.others).toBeLessThanOrEqual(1);
});

/** The statements of a whole run that writes every value. `batches: null`: of all instances. */
async function sentBy({
  batchSize,
  keys,
  batches,
}: Record<'batchSize' | 'keys', number> & { readonly batches: number | null }) {
  const database = pgliteDatabase(pglite);
  await emptyMetadata(database);
  const { sent, counting } = countStatements(database);
  const report = await runBackfill({
    repository: createPostgresRepository(counting),
    processModelId: MODEL,
    paths: pathsOf({ keys }),
    limit: batches === null ? undefined : batches * batchSize,
    batchSize,
  });
  const updated = batches === null ? INSTANCES : batches * batchSize;
  expect(report).toMatchObject({ state: 'completed', updated });
  return sent;
}

function countStatements(database: SqlDatabase) {
  const sent = { reads: 0, commits: 0, others: 0, asked: 0, transactions: 0 };
  const counting: SqlDatabase = {
    query: (...statement) => {
      const [text] = statement;
      if (text.includes('with backfill_page as')) sent.reads += 1;
      else if (text.includes('with backfill_records as')) sent.commits += 1;
      else sent.others += 1;
      if (text.includes('pg_locks')) sent.asked += 1;
      return database.query(...statement);
    },
    transaction: (work) => {
      sent.transactions += 1;
      return database.transaction(work);
    },
  };
  return { sent, counting };
}
