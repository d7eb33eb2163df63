import { setTimeout } from 'node:timers/promises';
import type { PGlite, Transaction } from '@electric-sql/pglite';

/** A connection of any PostgreSQL driver, or a transaction on one. */
export interface Sql {
  /** `parsers` replace those of the driver, by the number of the column type. */
  query<Row>(text: string, values?: readonly unknown[], parsers?: TypeParsers): Promise<Row[]>;
}

export type TypeParsers = Readonly<Record<number, (text: string) => unknown>>;

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
    query: async <Row>(text: string, values: readonly unknown[] = [], parsers: TypeParsers = {}) =>
      (await connection.query<Row>(text, [...values], { parsers })).rows,
  };
}

/** The same database, as if across a network: each statement takes `ms` longer, also begin and commit. */
export function withLatency(database: SqlDatabase, ms: number): SqlDatabase {
  if (ms === 0) return database;
  const slow = (sql: Sql): Sql => ({
    query: (...statement) => setTimeout(ms).then(() => sql.query(...statement)),
  });
  return {
    ...slow(database),
    async transaction(work) {
      await setTimeout(ms);
      return database.transaction(async (sql) => {
        const result = await work(slow(sql));
        await setTimeout(ms);
        return result;
      });
    },
  };
}
