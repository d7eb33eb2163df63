import { sql, type Transaction } from 'kysely';
import { TransientError } from './driver-errors.js';
import type { Database, Tables } from './tables.js';

type Work<Result> = (database: Database) => Promise<Result>;

/** Commits when `work` resolves, rolls back when it rejects. */
export type Transact = <Result>(database: Database, work: Work<Result>) => Promise<Result>;

/** A commit must decide on the newest data. The default of MariaDB is a snapshot. */
export const inReadCommitted: Transact = (database, work) =>
  database.transaction().setIsolationLevel('read committed').execute(work);

/** Takes SQLite's only write lock at the start. In the middle, it is refused if somebody wrote since the read. */
export const inImmediateTransaction: Transact = (database, work) =>
  database.connection().execute(async (connection) => {
    await sql`begin immediate`.execute(connection);
    try {
      const result = await work(connection);
      await sql`commit`.execute(connection);
      return result;
    } catch (error) {
      // When the disk is full, SQLite has rolled back by itself.
      await sql`rollback`.execute(connection).catch(() => {});
      throw error;
    }
  });

/** In a host's transaction, only the refused or failed commit is rolled back: the host may go on. */
export async function inSavepoint<Result>(
  transaction: Transaction<Tables>,
  work: Work<Result>,
): Promise<Result> {
  await sql`savepoint metadata_backfill`.execute(transaction);
  try {
    const result = await work(transaction);
    await sql`release savepoint metadata_backfill`.execute(transaction);
    return result;
  } catch (error) {
    // A deadlock has rolled back the whole transaction of the host, including the savepoint.
    await sql`rollback to savepoint metadata_backfill`.execute(transaction).catch(() => {});
    throw error;
  }
}

const ATTEMPTS = 3;

/** Retries after a `TransientError`. */
export async function repeatedly<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TransientError) || attempt >= ATTEMPTS) throw error;
    }
  }
}
