import { setImmediate } from 'node:timers/promises';
import type { PostgresConnection, PostgresDatabase } from '../database.js';
import { expectMethods } from './expect-methods.js';

/**
 * The connections of postgres.js. It has no parsers for a single statement, so `read` is left out. Behind PgBouncer in
 * transaction mode, pass `prepare: false` to `postgres()`, because its own COMMIT is prepared otherwise.
 * @throws {InvalidInputError} It is not what `postgres()` returns.
 */
export function fromPostgresJs(sql: PostgresJs): PostgresDatabase<PostgresJsTransaction> {
  expectMethods(sql, ['unsafe', 'begin'], 'fromPostgresJs: expected the sql that postgres(url) returns');
  return {
    ...connectionOf(sql),
    async transaction<Result>(work: (connection: PostgresConnection) => Promise<Result>) {
      const current: { working?: Promise<Result>; lost?: { readonly error: unknown } } = {};
      try {
        await sql.begin('isolation level read committed', (transaction) => {
          current.working = work(untilLost(connectionOf(transaction), () => current.lost));
          // Once the connection is lost, a COMMIT or ROLLBACK would go to the next one, or crash the process.
          const end = () => (current.lost === undefined ? current.working : new Promise<never>(() => {}));
          return current.working.then(end, end);
        });
      } catch (error) {
        current.lost = { error };
        await current.working; // If `work` failed, its error says more.
        throw error;
      }
      return current.working as Promise<Result>;
    },
    within(transaction) {
      expectMethods(
        transaction,
        ['unsafe', 'savepoint'],
        'fromPostgresJs, transaction: expected what postgres.js passes to the callback of begin()',
      );
      return connectionOf(transaction);
    },
  };
}

/** The part of an `Sql` that is used here. */
export interface PostgresJs extends PostgresJsQueryable {
  begin(options: string, work: (transaction: PostgresJsTransaction) => Promise<unknown>): Promise<unknown>;
}

/** The part of a `TransactionSql` that is used here. */
export interface PostgresJsTransaction extends PostgresJsQueryable {
  savepoint(work: (transaction: PostgresJsTransaction) => Promise<unknown>): Promise<unknown>;
}

export interface PostgresJsQueryable {
  unsafe(text: string, values: (string | null)[], options: { prepare: false }): Promise<unknown[]>;
}

function connectionOf(connection: PostgresJsQueryable): PostgresConnection {
  return {
    // Without a name, so that nothing stays on the connection. So it also works with PgBouncer. A query of postgres.js is
    // sent when somebody waits for it, which `async` does.
    query: async (text, values) => connection.unsafe(text, [...values], { prepare: false }),
  };
}

/**
 * The same connection until it is lost. postgres.js 3.4 sends a statement after that on whatever connection comes next,
 * outside of the transaction. While there is none, the statement crashes the process.
 */
function untilLost(
  connection: PostgresConnection,
  lost: () => { readonly error: unknown } | undefined,
): PostgresConnection {
  return {
    async query(text, values) {
      const loss = lost();
      if (loss !== undefined) throw loss.error;
      try {
        return await connection.query(text, values);
      } catch (error) {
        await setImmediate(); // By then a loss of the connection is known.
        throw error;
      }
    },
  };
}
