import type { PostgresConnection, PostgresDatabase } from '../database.js';
import { expectMethods } from './expect-methods.js';
import { resultParsers } from './result-parsers.js';

/**
 * PGlite is PostgreSQL inside this process, and has one connection.
 * @throws {InvalidInputError} It is no PGlite.
 */
export function fromPglite(pglite: Pglite): PostgresDatabase<PgliteTransaction> {
  expectMethods(pglite, ['query', 'transaction'], 'fromPglite: expected what await PGlite.create() returns');
  return {
    ...connectionOf(pglite),
    transaction: (work) =>
      pglite.transaction(async (transaction) => {
        await transaction.query('set transaction isolation level read committed');
        return work(connectionOf(transaction));
      }),
    within(transaction) {
      expectMethods(
        transaction,
        ['query', 'rollback'],
        'fromPglite, transaction: expected what PGlite passes to the callback of transaction()',
      );
      return connectionOf(transaction);
    },
  };
}

/** The part of a `PGlite` that is used here. */
export interface Pglite extends PgliteQueryable {
  transaction<Result>(work: (transaction: PgliteTransaction) => Promise<Result>): Promise<Result>;
}

/** The part of its `Transaction` that is used here. */
export interface PgliteTransaction extends PgliteQueryable {
  rollback(): Promise<void>;
}

export interface PgliteQueryable {
  query(
    text: string,
    values?: unknown[],
    options?: { parsers?: Record<number, (text: string) => unknown> },
  ): Promise<{ readonly rows: unknown[] }>;
}

function connectionOf(connection: PgliteQueryable): PostgresConnection {
  return {
    query: async (text, values, read) =>
      (await connection.query(text, [...values], { parsers: resultParsers(read) })).rows,
  };
}
