import type { PostgresConnection } from '../database.js';
import { isFunctionThere, mayExecuteFunction } from '../run-table/has-function.js';
import {
  FORMAT_COMMENT,
  IS_TRUE_PARAMETERS,
  RUN_TABLE,
  RUN_TABLE_FORMAT,
} from '../run-table/run-table-names.js';
import type { RunTable } from '../tables/run-table.js';
import { checkAccess, checkColumns, checkUnique } from './check-table.js';
import { error, type Finding, warning } from './finding.js';
import type { TableFacts } from './table-facts.js';

export function missingRuns(runs: RunTable): Finding {
  return error('runs.table', `there is no table ${runs.table}`, creating(runs));
}

function creating({ name }: RunTable): string {
  return `Execute the SQL of createRunTable(${name === RUN_TABLE ? '' : `'${name}'`})`;
}

/** Checks that the table of runs is as `createRunTable` makes it. */
export async function checkRuns(
  database: PostgresConnection,
  runs: RunTable,
  facts: TableFacts,
): Promise<Finding[]> {
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
        `${runs.table} is in format ${format}, but this version of the library knows formats up to ${RUN_TABLE_FORMAT}`,
        'Upgrade the library in this process',
      ),
    ];
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
    ...(await checkFunction(database, runs)),
  ];
}

async function checkFunction(database: PostgresConnection, runs: RunTable): Promise<Finding[]> {
  if (await mayExecuteFunction(database, runs)) return [];
  const effect = 'so batches that compare versions take two more statements';
  return [
    (await isFunctionThere(database, runs))
      ? warning(
          'runs.table',
          `this role may not execute function ${runs.isTrue}, ${effect}`,
          `grant execute on function ${runs.isTrue}(${IS_TRUE_PARAMETERS}) to <role>;`,
        )
      : warning('runs.table', `there is no function ${runs.isTrue}, ${effect}`, creating(runs)),
  ];
}
