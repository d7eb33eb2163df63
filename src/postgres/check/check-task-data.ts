import type { TableOfDocuments, TaskDataSource } from '../configuration.js';
import { checkComparable } from './check-comparison.js';
import { checkAccess, checkColumns, checkUnique, JSON_TYPES, typeWritten } from './check-table.js';
import type { Finding } from './finding.js';
import type { ColumnFacts, TableFacts } from './table-facts.js';

export function checkDocuments(
  column: string,
  { type = 'json' }: TaskDataSource,
  facts: TableFacts,
): Finding[] {
  return checkColumns(facts, [
    {
      place: 'taskData.column',
      name: column,
      types: JSON_TYPES[type],
      write: typeWritten(JSON_TYPES, 'taskData.type'),
    },
  ]);
}

/** @param id the column with the ids of instances. */
export function checkDocumentTable(
  taskData: TaskDataSource & TableOfDocuments,
  facts: TableFacts,
  id: ColumnFacts | undefined,
): Finding[] {
  const columns = [
    ...checkColumns(facts, [{ place: 'taskData.instance', name: taskData.instance }]),
    ...checkDocuments(taskData.column, taskData, facts),
  ];
  if (columns.length > 0) return columns;
  return [
    ...checkAccess('taskData.table', facts, ['select']),
    ...checkUnique('taskData.instance', facts, [taskData.instance]),
    ...checkComparable('taskData.instance', facts, taskData.instance, id),
  ];
}
