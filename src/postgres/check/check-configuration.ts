import { InvalidInputError, problemList } from '../../errors.js';
import type { IdType, PostgresConfiguration } from '../configuration.js';
import { sqlStateOf } from '../sql/sql-state.js';
import type { Tables } from '../tables/tables.js';
import { checkFragments } from './check-fragments.js';
import { checkInstances } from './check-instances.js';
import { checkMetadataColumn, checkMetadataRows } from './check-metadata.js';
import { checkResults } from './check-results.js';
import { checkRuns, missingRuns } from './check-runs.js';
import { checkScans } from './check-scans.js';
import { checkServer } from './check-server.js';
import { checkStatements } from './check-statements.js';
import { columnOf, missingTable } from './check-table.js';
import { checkDocuments, checkDocumentTable } from './check-task-data.js';
import { error, type Finding, sentenceOf } from './finding.js';
import { reasonOf } from './refusal.js';
import { type ColumnFacts, readTableFacts, type TableFacts } from './table-facts.js';

/**
 * Compares a configuration with the database.
 * @returns warnings, each a sentence with what to do.
 * @throws {InvalidInputError} It lists what would make a run fail or write something wrong. Errors of one step may hide those of a later step.
 */
export async function checkConfiguration<Transaction>(
  configuration: PostgresConfiguration<Transaction, IdType>,
  tables: Tables,
): Promise<readonly string[]> {
  const findings = await findingsOf(configuration, tables);
  const sentences = (severity: Finding['severity']): string[] =>
    findings.filter((finding) => finding.severity === severity).map(sentenceOf);
  const problems = sentences('error');
  if (problems.length > 0) throw new InvalidInputError(problemList('createPostgresRepository', problems));
  return sentences('warning');
}

/** Checks the host's SQL only if all tables and columns are right. */
async function findingsOf<Transaction>(
  configuration: PostgresConfiguration<Transaction, IdType>,
  tables: Tables,
): Promise<readonly Finding[]> {
  const { database, instances, taskData, metadata } = configuration;
  const about = async (
    place: string,
    name: string,
    check: (facts: TableFacts) => Finding[] | Promise<Finding[]>,
    missing: Finding = missingTable(place, name),
  ): Promise<Finding[]> => {
    const facts = await readTableFacts(database, name).catch((thrown) => {
      if (sqlStateOf(thrown) !== NOT_PERMITTED) throw thrown;
      return [error(place, reasonOf(thrown), 'grant usage on schema <its schema> to <role>;')];
    });
    if (Array.isArray(facts)) return facts;
    return facts === null ? [missing] : check(facts);
  };
  let id: ColumnFacts | undefined;

  const changed = await checkResults(database);
  if (changed.length > 0) return changed; // no other result would be right
  const found = [
    ...(await checkServer(database)),
    ...(await about('instances.table', instances.table, (facts) => {
      id = columnOf(facts, instances.id?.column ?? 'id');
      return [
        ...checkInstances(instances, facts),
        ...('column' in taskData && !('table' in taskData)
          ? checkDocuments(taskData.column, taskData, facts)
          : []),
        ...('table' in metadata ? [] : checkMetadataColumn(metadata, facts)),
      ];
    })),
    ...('table' in taskData
      ? await about('taskData.table', taskData.table, (facts) => checkDocumentTable(taskData, facts, id))
      : []),
    ...('table' in metadata
      ? await about('metadata.table', metadata.table, (facts) => checkMetadataRows(metadata, facts, id))
      : []),
    ...(await about(
      'runs.table',
      tables.runs.name,
      (facts) => checkRuns(database, tables.runs, facts),
      missingRuns(tables.runs),
    )),
  ];
  for (const next of [checkFragments, checkStatements, checkScans]) {
    if (found.some(({ severity }) => severity === 'error')) return found;
    found.push(...(await next(configuration, tables, found)));
  }
  return found;
}

const NOT_PERMITTED = '42501';
