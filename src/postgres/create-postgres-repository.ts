import type { BackfillRepository, RunRecord } from '../ports/repository.js';
import { checkConfiguration } from './check/check-configuration.js';
import { commitBatch, type FunctionUse, withinOf } from './commit/commit-batch.js';
import { type IdType, type PostgresConfiguration, parseConfiguration } from './configuration.js';
import { readPage } from './read-page.js';
import { hasFunction } from './run-table/has-function.js';
import { type PruneOptions, type PruneResult, pruneRuns } from './run-table/prune-runs.js';
import { settled } from './settled.js';
import { compareCursorsOf } from './tables/instances.js';
import { findRuns, loadRun } from './tables/run-table.js';
import { tablesOf } from './tables/tables.js';
import { splitInstances, surveyInstances } from './walk-instances.js';

/** The ids of instances: numbers for the type `int`, and otherwise strings. */
export type IdOf<Type extends IdType> = Type extends 'int' ? number : string;

export interface PostgresRepository<Transaction = never, Type extends IdType = 'int'>
  extends BackfillRepository<Transaction, IdOf<Type>> {
  /**
   * Compares the configuration with the database. Await it when the process starts. Otherwise a wrong
   * configuration shows only when the first run fails.
   * @returns warnings, each a sentence with what to do.
   * @throws {InvalidInputError} It lists the problems it has found, each with what to do. After a fix, call it again: it looks at
   *   SQL only if all tables and columns are right.
   */
  check(): Promise<readonly string[]>;
  /**
   * Deletes runs that have ended, with all that belongs to them, in batches. A failed or cancelled run stays until another run fills
   * its keys. It may be called at any time, and in several processes at once.
   * @throws {InvalidInputError}
   */
  prune(options: PruneOptions): Promise<PruneResult>;
}

/**
 * A repository over the host's own tables in PostgreSQL 13 or newer, on the host's own connection.
 * @throws {InvalidInputError}
 */
export function createPostgresRepository<Transaction = never, const Type extends IdType = 'int'>(
  configuration: PostgresConfiguration<Transaction, Type>,
): PostgresRepository<Transaction, Type> {
  const { database } = parseConfiguration(configuration);
  const tables = tablesOf(configuration);
  const { storesNull, storesAnyText, maxKeyLength, formatValue } = tables.metadata;
  const compareCursors = compareCursorsOf(tables.instances.idType);
  const functionUse = onceKnown(() => hasFunction(database, tables.runs));

  const repository = {
    transactional: database.within !== undefined,
    deletes: true,
    storesNull,
    storesAnyText,
    ...(maxKeyLength !== undefined && { maxKeyLength }),
    ...(formatValue && { formatValue }),
    ...(compareCursors && { compareCursors }),
    surveyInstances: (query) => surveyInstances(database, tables.instances, query),
    splitInstances: (query) => splitInstances(database, tables.instances, query),
    readInstances: (query) => readPage(database, tables, query),
    settled: (mark) => settled(database, mark),
    commit: (commit, options) => commitBatch(database, tables, commit, functionUse, options),
    loadRun: (runId, { transaction } = {}): Promise<RunRecord[]> =>
      loadRun(withinOf(database, transaction), tables.runs, runId),
    findRuns: (filter, { transaction } = {}) =>
      findRuns(withinOf(database, transaction), tables.runs, filter),
    check: () => checkConfiguration(configuration, tables),
    prune: (options) => pruneRuns(database, tables.runs.name, options),
  } satisfies BackfillRepository<Transaction> & Pick<PostgresRepository, 'check' | 'prune'>;
  return repository as unknown as PostgresRepository<Transaction, Type>;
}

/** Asks once, unless asking fails or the answer is forgotten. */
function onceKnown(ask: () => Promise<boolean>): FunctionUse {
  let answer: Promise<boolean> | null = null;
  const forget = (): void => {
    answer = null;
  };
  return {
    isPossible() {
      answer ??= ask().catch((error) => {
        forget();
        throw error;
      });
      return answer;
    },
    forget,
  };
}
