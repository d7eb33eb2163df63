import type { PGlite, Transaction } from '@electric-sql/pglite';
import type { PostgresConnection } from 'process-metadata-backfill/postgres';

/** How this host sends SQL of its own, on a connection or within a transaction. A repository can use it as it is. */
export interface Sql extends PostgresConnection {
  query<Row>(text: string, values?: readonly unknown[], read?: (text: string) => unknown): Promise<Row[]>;
}

export interface SqlDatabase extends Sql {
  /** Commits when `work` resolves, rolls back when it rejects. */
  transaction<Result>(work: (sql: Sql) => Promise<Result>): Promise<Result>;
}

/** PGlite is PostgreSQL inside this process. */
export function pgliteDatabase(pglite: PGlite): SqlDatabase {
  return {
    ...pgliteSql(pglite),
    transaction: (work) => pglite.transaction((transaction) => work(pgliteSql(transaction))),
  };
}

/** Use it also for a transaction of the host that a request shall be part of. */
export function pgliteSql(connection: PGlite | Transaction): Sql {
  return {
    query: async <Row>(
      text: string,
      values: readonly unknown[] = [],
      read: (text: string) => unknown = (text) => text,
    ) => (await connection.query<Row>(text, [...values], { parsers: { [TEXT]: read } })).rows,
  };
}

/** The number of the type `text`. */
const TEXT = 25;
