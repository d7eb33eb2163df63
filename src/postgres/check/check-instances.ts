import type { IdType, InstancesTable } from '../configuration.js';
import { quoteIdentifier, quoteName } from '../sql/quote-name.js';
import { checkDeterministic } from './check-comparison.js';
import {
  CATALOG_TYPES,
  checkAccess,
  checkColumns,
  checkIndex,
  checkUnique,
  columnOf,
  typeWritten,
} from './check-table.js';
import { error, type Finding, warning } from './finding.js';
import type { TableFacts } from './table-facts.js';

export function checkInstances(configuration: InstancesTable<IdType>, facts: TableFacts): Finding[] {
  const { model, modelType = 'text', id, createdAt } = configuration;
  const idColumn = id?.column ?? 'id';
  const idType = id?.type ?? 'int';
  const created =
    typeof createdAt === 'string' ? { column: createdAt, type: 'timestamptz' as const } : createdAt;
  const columns = checkColumns(facts, [
    {
      place: 'instances.model',
      name: model,
      types: CATALOG_TYPES[modelType],
      write: typeWritten(CATALOG_TYPES, 'instances.modelType'),
    },
    {
      place: 'instances.id',
      name: idColumn,
      types: CATALOG_TYPES[idType],
      write: typeWritten(CATALOG_TYPES, 'instances.id.type'),
    },
    ...(created === undefined
      ? []
      : [
          {
            place: 'instances.createdAt',
            name: created.column,
            types: TIME_TYPES[created.type],
            write: typeWritten(TIME_TYPES, 'instances.createdAt.type'),
          },
        ]),
  ]);
  if (columns.length > 0) return columns;
  return [
    ...checkAccess('instances.table', facts, ['select', 'update']),
    ...(columnOf(facts, idColumn)?.isNotNull === true
      ? []
      : [
          error(
            'instances.id',
            'the column allows null',
            `alter table ${quoteName(facts.name)} alter column ${quoteIdentifier(idColumn)} set not null;`,
          ),
        ]),
    ...checkUnique('instances.id', facts, [idColumn]),
    ...checkIndex('instances.id', facts, [{ name: idColumn }]),
    ...checkDeterministic('instances.id', facts, idColumn),
    ...checkDeterministic('instances.model', facts, model),
    ...checkIndex('instances.model', facts, [
      { name: model },
      ...(created === undefined ? [] : [{ name: created.column }]),
      { name: idColumn, ...(idType === 'text' && { collation: 'pg_catalog."C"' }) },
    ]),
    ...(created === undefined && columnOf(facts, idColumn)?.isRandom === true
      ? [
          warning(
            'instances.id',
            'new ids are random, so a run may miss instances that are inserted while it walks',
            'Set instances.createdAt to the column with the time of creation',
          ),
        ]
      : []),
    ...(created !== undefined && columnOf(facts, created.column)?.isNotNull === false
      ? [
          error(
            'instances.createdAt',
            'the column allows null, and no run would visit an instance without a time of creation',
            `alter table ${quoteName(facts.name)} alter column ${quoteIdentifier(created.column)} set not null;`,
          ),
        ]
      : []),
  ];
}

const TIME_TYPES = {
  timestamptz: ['timestamp with time zone'],
  timestamp: ['timestamp without time zone'],
} as const;
