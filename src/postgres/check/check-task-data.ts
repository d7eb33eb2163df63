import type { TableOfDocuments, TaskDataSource } from '../configuration.js';
import { checkAccess, checkColumns, checkUnique, JSON_TYPES, typeWritten } from './check-table.js';
import type { Finding } from './finding.js';
import type { TableFacts } from './table-facts.js';

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

export function checkDocumentTable(
  taskData: TaskDataSource & TableOfDocuments,
  facts: TableFacts,
): Finding[] {
  const columns = [
    ...checkColumns(facts, [{ place: 'taskData.instance', name: taskData.instance }]),
    ...checkDocuments(taskData.column, taskData, facts),
  ];
  if (columns.length > 0) return columns;
  return [
    ...checkAccess('taskData.table', facts, ['select']),
    ...checkUnique('taskData.instance', facts, [taskData.instance]),
  ];
}
