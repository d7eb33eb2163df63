import { sql, type Transaction } from 'kysely';
import { TransientError } from './driver-errors.js';
import type { Database, Tables } from './tables.js';

type Work<Result> = (database: Database) => Promise<Result>;

/** Commits when `work` resolves, rolls back when it rejects. */
export type Transact = <Result>(database: Database, work: Work<Result>) => Promise<Result>;

/** What a commit decides on must be the newest there is; MariaDB's own default is a snapshot. */
export const inReadCommitted: Transact = (database, work) =>
  database.transaction().setIsolationLevel('read committed').execute(work);

/** SQLite takes its one write lock at once: taken in the middle, it is refused when somebody wrote since the read. */
export const inImmediateTransaction: Transact = (database, work) =>
  database.connection().execute(async (connection) => {
    await sql`begin immediate`.execute(connection);
    try {
      const result = await work(connection);
      await sql`commit`.execute(connection);
      return result;
    } catch (error) {
      // After a full disk, SQLite has rolled back on its own.
      await sql`rollback`.execute(connection).catch(() => {});
      throw error;
    }
  });

/** In a host's transaction, a refused or failed commit is undone alone: the host may go on. */
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
    // A deadlock has undone all of the host's transaction, and the savepoint with it.
    await sql`rollback to savepoint metadata_backfill`.execute(transaction).catch(() => {});
    throw error;
  }
}

const ATTEMPTS = 3;

/** Does it again when it failed with a `TransientError`. */
export async function repeatedly<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TransientError) || attempt >= ATTEMPTS) throw error;
    }
  }
}
