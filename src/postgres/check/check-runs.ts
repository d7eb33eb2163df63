import type { PostgresConnection } from '../database.js';
import { mayExecuteFunction } from '../run-table/has-function.js';
import { FORMAT_COMMENT, RUN_TABLE, RUN_TABLE_FORMAT } from '../run-table/run-table-names.js';
import type { RunTable } from '../tables/run-table.js';
import { checkAccess, checkColumns, checkUnique } from './check-table.js';
import { error, type Finding, warning } from './finding.js';
import { readTableFacts } from './table-facts.js';

/** Checks that the table of runs is as `createRunTable` makes it. */
export async function checkRuns(database: PostgresConnection, runs: RunTable): Promise<Finding[]> {
  const create = `Execute the SQL of createRunTable(${runs.name === RUN_TABLE ? '' : `'${runs.name}'`})`;
  const facts = await readTableFacts(database, runs.name);
  if (facts === null) return [error('runs.table', `there is no table ${runs.table}`, create)];
  const columns = checkColumns(
    facts,
    ['id', 'run_id', 'process_model_id', 'revision', 'active_key', 'content'].map((name) => ({
      place: 'runs.table',
      name,
    })),
  );
  if (columns.length > 0) return columns;
  const format = Number(facts.comment?.split(FORMAT_COMMENT)[1]?.match(/^\d+/)?.[0] ?? RUN_TABLE_FORMAT);
  if (format > RUN_TABLE_FORMAT)
    return [
      error(
        'runs.table',
        `${runs.table} is in format ${format}, but this version knows ${RUN_TABLE_FORMAT}`,
        'Upgrade the library in this process',
      ),
    ];
  const hasFunction = await mayExecuteFunction(database, runs);
  return [
    ...checkAccess('runs.table', facts, ['select', 'insert', 'update']),
    ...(facts.may.delete
      ? []
      : [
          warning(
            'runs.table',
            'this role may not delete, so prune() fails',
            `grant delete on ${runs.table} to <role>;`,
          ),
        ]),
    ...checkUnique('runs.table', facts, ['id']),
    ...checkUnique('runs.table', facts, ['active_key']),
    ...(hasFunction
      ? []
      : [
          warning(
            'runs.table',
            `there is no function ${runs.isTrue} that this role may execute, so batches with versions take two more statements`,
            create,
          ),
        ]),
  ];
}
