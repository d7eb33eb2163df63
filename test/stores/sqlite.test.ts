import { sql } from 'kysely';
import { runBackfill } from 'process-metadata-backfill';
import { afterEach, describe, expect, test } from 'vitest';
import { connectSqlite, openSqlite } from '../../examples/3-sql-databases/databases/sqlite.js';
import { sqlite } from '../../examples/3-sql-databases/repository/dialects.js';
import { createSqlRepository } from '../../examples/3-sql-databases/repository/sql-repository.js';
import type { Database } from '../../examples/3-sql-databases/repository/tables.js';
import { MODEL, PATHS } from '../support/instances.js';
import { completedTask, insertInstance, insertThree, kyselyTables, useTables } from '../support/tables.js';
import { allCases } from './all-cases.js';
import { largeBatchCases } from './cases/large-batch-cases.js';
import { fill, read, record, store, write } from './repository-calls.js';

describe('on SQLite', () => {
  const tables = useTables(() => kyselyTables(openSqlite()));
  allCases(tables);
  largeBatchCases(tables, 1);

  describe('a file that another process has open, too,', () => {
    let other: Database | undefined;
    afterEach(async () => {
      await other?.destroy();
      other = undefined;
    });
    const connect = () => {
      other = connectSqlite(tables().path);
      return other;
    };

    test('is busy while that writes: a fault that passes', async () => {
      const host = tables();
      await insertInstance(host, { tasks: [completedTask({ invoice: { number: 'INV-1' } })] });
      const { database, release } = await lockForWriting(connect());
      try {
        const error: unknown = await store(host, [record({})]).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ message: 'database is locked' });
        expect(host.repository.classifyError?.(error)).toBe('transient');

        const running = runBackfill({
          repository: host.repository,
          processModelId: MODEL,
          paths: PATHS,
        });
        setTimeout(release, 50);
        expect(await running).toMatchObject({ state: 'completed', updated: 1 });
      } finally {
        release();
        await database;
      }
    });

    test('takes exactly one of two commits to the same record', async () => {
      const host = tables();
      const [first, second] = await insertThree(host);
      await store(host, [record({})]);
      const repositories = [host.repository, createSqlRepository(connect(), sqlite)];

      const results = await Promise.all(
        repositories.map((repository, index) =>
          write({ repository }, [{ id: index === 0 ? first : second, values: [fill('city', 'Oslo')] }], {
            expected: [{ id: 'run', revision: 'first' }],
            next: () => [record({ revision: 'second' })],
          }).catch((error: unknown) => ({ result: { status: host.repository.classifyError?.(error) } })),
        ),
      );

      expect(results.filter(({ result }) => result.status === 'committed')).toHaveLength(1);
      const rows = await host.database.selectFrom('process_instance_metadata').selectAll().execute();
      expect(rows).toHaveLength(1);
    });
  });

  test('a document that is broken, as the text column allows, arrives as it is', async () => {
    const host = tables();
    for (const text of ['{ "invoice": ', '{"half": "\\ud83d"}'])
      await host.addDocument(await insertInstance(host), text);

    expect((await read(host)).map(({ data }) => data)).toEqual([
      { form: 'json', text: '{ "invoice": ' },
      { form: 'json', text: '{"half": "\\ud83d"}' },
    ]);
  });

  test('a statement that is wrong is the fault of no instance', async () => {
    const host = tables();
    const error: unknown = await sql`select nothing`
      .execute(host.database)
      .catch((thrown: unknown) => thrown);

    expect(host.repository.classifyError?.(error)).toBe('systemic');
  });
});

/** Begins to write and goes on when it has the lock; commits upon `release`. */
async function lockForWriting(connection: Database) {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let begun = () => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const database = sqlite.transact(connection, () => {
    begun();
    return released;
  });
  await hasBegun;
  return { database, release };
}
