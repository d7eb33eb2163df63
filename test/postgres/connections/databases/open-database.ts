import type { PostgresConnection, PostgresDatabase } from '../../../../src/postgres/database.js';

/** A driver or an ORM as a host has it, and the database that is made of it. */
export interface OpenDatabase {
  readonly database: PostgresDatabase;
  /** Begins a transaction of the host's own, and hands over what `within` makes of it. */
  hostTransaction<Result>(work: (connection: PostgresConnection) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** @param inTransaction How the host begins, commits and rolls back. */
export function openDatabase<Transaction>(
  database: PostgresDatabase<Transaction>,
  inTransaction: (work: (transaction: Transaction) => Promise<void>) => Promise<void>,
  close: () => Promise<void>,
): OpenDatabase {
  const { query, transaction, within } = database;
  if (within === undefined) throw new Error('expected `within`');
  return {
    database: { query, transaction },
    async hostTransaction<Result>(work: (connection: PostgresConnection) => Promise<Result>) {
      let result: Result | undefined;
      await inTransaction(async (transaction) => {
        result = await work(within(transaction));
      });
      return result as Result;
    },
    close,
  };
}
