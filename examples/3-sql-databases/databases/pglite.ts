import { PGlite } from '@electric-sql/pglite';
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import { postgres } from '../repository/dialects.js';
import type { Tables } from '../repository/tables.js';
import { createTables, type EmptyDatabase } from './empty-database.js';

/** PostgreSQL inside this process, in memory. */
export async function openPglite(): Promise<EmptyDatabase> {
  const pool = poolOfOne(await PGlite.create());
  const database = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  await createTables(database, 'postgres');
  return { database, dialect: postgres, close: () => database.destroy() };
}

/** PGlite has a single connection: whoever wants it waits for whoever has it. */
function poolOfOne(pglite: PGlite): PostgresPool {
  const query = async (text: string, values: readonly unknown[]) => {
    const { rows, affectedRows = 0 } = await pglite.query(text, [...values]);
    return { rows, rowCount: affectedRows, command: 'UPDATE' };
  };
  let free = Promise.resolve();
  return {
    async connect() {
      const before = free;
      let release = () => {};
      free = new Promise((resolve) => {
        release = resolve;
      });
      await before;
      return { query: query as PostgresPoolClient['query'], release };
    },
    end: () => pglite.close(),
  };
}
