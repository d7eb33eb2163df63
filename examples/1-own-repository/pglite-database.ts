import type { PGlite, Transaction } from '@electric-sql/pglite';
import type { Sql, SqlDatabase } from './database.js';

/** PGlite is PostgreSQL inside Node.js: it lets the cases run without a server. */
export function pgliteDatabase(pglite: PGlite): SqlDatabase {
  const sqlOf = (connection: PGlite | Transaction): Sql => ({
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await connection.query<Row>(text, [...values])).rows,
  });
  return {
    ...sqlOf(pglite),
    transaction: (work) => pglite.transaction((transaction) => work(sqlOf(transaction))),
  };
}
