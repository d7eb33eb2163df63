import { InvalidInputError } from '../../errors.js';
import type { CommitResult, InTransaction, RepositoryCommit } from '../../ports/repository.js';
import type { PostgresConnection, PostgresDatabase } from '../database.js';
import { sqlStateOf, UNDEFINED_FUNCTION, UNIQUE_VIOLATION } from '../sql/sql-state.js';
import type { Tables } from '../tables/tables.js';
import { batchOf } from './batch.js';
import { commitAtOnce } from './commit-at-once.js';
import { commitGuarded, Refusal } from './commit-guarded.js';
import { lockInstances } from './lock-instances.js';

/**
 * Usually nobody else has written since a batch was read. So a commit is first sent as one statement, which writes all of
 * it or nothing. If it wrote nothing, a transaction of several statements finds out why, and writes what it may.
 */
export async function commitBatch<Transaction>(
  database: PostgresDatabase<Transaction>,
  tables: Tables,
  commit: RepositoryCommit,
  functionUse: FunctionUse,
  { transaction }: InTransaction<Transaction> = {},
): Promise<CommitResult> {
  const batch = batchOf(commit.instances);
  const guarded = (connection: PostgresConnection) => commitGuarded(connection, tables, commit, batch);
  try {
    if (transaction !== undefined) await inSavepoint(withinOf(database, transaction), guarded);
    else if (!(await committedAtOnce())) await database.transaction(guarded);
    return { status: 'committed' };
  } catch (error) {
    if (error instanceof Refusal) return error.result;
    throw error;
  }

  async function committedAtOnce(): Promise<boolean> {
    try {
      if (batch.versions.length === 0) return await commitAtOnce(database, tables, commit, batch);
      if (await functionUse.isPossible())
        return await commitAtOnce(database, tables, commit, batch, 'by the function');
      return await database.transaction(async (connection) => {
        await lockInstances(connection, tables, batch.locked, commit.expected);
        return commitAtOnce(connection, tables, commit, batch);
      });
    } catch (error) {
      // Somebody has inserted a row or a record.
      if (sqlStateOf(error) === UNIQUE_VIOLATION) return false;
      if (sqlStateOf(error) === UNDEFINED_FUNCTION) {
        functionUse.forget(); // somebody has dropped it
        return false;
      }
      throw error;
    }
  }
}

/** Whether commits can call the function beside the table of runs. */
export interface FunctionUse {
  isPossible(): Promise<boolean>;
  /** It is asked for again. */
  forget(): void;
}

/**
 * The connection of the host's transaction, or else any one.
 * @throws {InvalidInputError} when the host's database lacks `within`.
 */
export function withinOf<Transaction>(
  database: PostgresDatabase<Transaction>,
  transaction: Transaction | undefined,
): PostgresConnection {
  if (transaction === undefined) return database;
  if (database.within === undefined)
    throw new InvalidInputError(
      'transaction: expected nothing, because the database of this repository has no `within`',
    );
  return database.within(transaction);
}

/** In a host's transaction, only a refused or failed commit is rolled back: the host may go on. */
async function inSavepoint(
  connection: PostgresConnection,
  work: (connection: PostgresConnection) => Promise<void>,
): Promise<void> {
  await connection.query('savepoint metadata_backfill', []);
  try {
    await work(connection);
    await connection.query('release savepoint metadata_backfill', []);
  } catch (error) {
    try {
      await connection.query('rollback to savepoint metadata_backfill', []);
      await connection.query('release savepoint metadata_backfill', []);
    } catch {
      // The connection is lost. The first error says more, and nothing of the transaction will be committed.
    }
    throw error;
  }
}
