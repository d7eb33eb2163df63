import type { Transaction } from 'kysely';
import { type BackfillRepository, formatMetadataValue, type JsonValue } from 'process-metadata-backfill';
import { keyChecker } from './check-keys.js';
import { applyCommit, Refusal } from './commit.js';
import type { Dialect } from './dialects.js';
import { TransientError, withoutData } from './driver-errors.js';
import { instancesIn, readPage } from './page.js';
import { findRecords, loadRecords } from './records.js';
import type { Database, Tables } from './tables.js';
import { inSavepoint, repeatedly } from './transactions.js';

/**
 * A repository over spiff-arena's tables in PostgreSQL, MariaDB, MySQL or SQLite. A host's own transaction should use READ
 * COMMITTED. The default of MariaDB is a snapshot, which may show an old state of a run.
 */
export function createSqlRepository(
  database: Database,
  dialect: Dialect,
): BackfillRepository<Transaction<Tables>, number> {
  const checkKeys = keyChecker(database, dialect);
  let checked = dialect.checkSession === undefined;

  /** Checks one connection, before its first statement with a value. The others of a pool are set up alike. */
  async function tidy<Result>(work: () => Promise<Result>, connection: Database = database): Promise<Result> {
    try {
      if (!checked) await dialect.checkSession?.(connection);
      checked = true;
      return await work();
    } catch (error) {
      throw withoutData(error);
    }
  }
  const { settled } = dialect;
  return {
    transactional: true,
    storesNull: false,
    deletes: true,
    maxKeyLength: 255,

    formatValue(value: JsonValue) {
      const formatted = formatMetadataValue(value, { maxLength: 255, style: 'python' });
      if (dialect.unstorable.test(formatted.text)) throw new RangeError(UNSTORABLE);
      return formatted;
    },

    ...(settled === undefined ? {} : { settled: (mark) => tidy(() => settled(database, mark)) }),

    surveyInstances: (query) =>
      tidy(async () => {
        const counted = instancesIn(database, dialect, { ...query, upTo: null }).select('i.id');
        const survey = await database
          .selectFrom(counted.as('counted'))
          .select(({ fn }) => [fn.countAll().as('total'), fn.max('id').as('upTo')])
          .executeTakeFirstOrThrow();
        return { total: Number(survey.total), upTo: survey.upTo };
      }),

    readInstances: (query) =>
      tidy(async () => {
        await checkKeys(query.paths.map(({ key }) => key));
        return readPage(database, dialect, query);
      }),

    commit: (commit, { transaction } = {}) =>
      tidy(async () => {
        const work = (connection: Database) => applyCommit(connection, dialect, commit);
        try {
          await repeatedly(() =>
            transaction ? inSavepoint(transaction, work) : dialect.transact(database, work),
          );
          return { status: 'committed' };
        } catch (error) {
          if (error instanceof Refusal) return error.result;
          throw error;
        }
      }, transaction),

    loadRun: (runId, { transaction = database } = {}) =>
      tidy(() => loadRecords(transaction, runId), transaction),

    findRuns: (filter, { transaction = database } = {}) =>
      tidy(() => findRecords(transaction, dialect, filter), transaction),

    classifyError: (error) =>
      error instanceof TransientError ? 'transient' : dialect.classifyError?.(error),
  };
}

const UNSTORABLE = 'the value has a character that the database cannot store: NUL, or half a surrogate pair';
