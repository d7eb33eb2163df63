import type { MetadataMembers, MetadataRows } from '../configuration.js';
import { checkComparable, checkDeterministic } from './check-comparison.js';
import {
  CATALOG_TYPES,
  checkAccess,
  checkColumns,
  checkUnique,
  columnOf,
  JSON_TYPES,
  typeWritten,
} from './check-table.js';
import { checkRowTriggers, checkUpdateTriggers } from './check-triggers.js';
import { error, type Finding, warning } from './finding.js';
import type { ColumnFacts, TableFacts } from './table-facts.js';

export function checkMetadataColumn({ column, update = {} }: MetadataMembers, facts: TableFacts): Finding[] {
  return [
    ...checkColumns(facts, [
      { place: 'metadata.column', name: column, types: ['jsonb'] },
      ...Object.keys(update).map((name) => ({ place: 'metadata.update', name })),
    ]),
    ...checkUpdateTriggers('metadata.column', facts, [column, ...Object.keys(update)]),
  ];
}

/** @param id the column with the ids of instances. */
export function checkMetadataRows(
  metadata: MetadataRows,
  facts: TableFacts,
  id: ColumnFacts | undefined,
): Finding[] {
  const { instance, key = 'key', value = 'value', type = 'text', insert = {}, update = {} } = metadata;
  const columns = checkColumns(facts, [
    { place: 'metadata.instance', name: instance },
    { place: 'metadata.key', name: key, types: CATALOG_TYPES.text },
    {
      place: 'metadata.value',
      name: value,
      types: JSON_TYPES[type],
      write: typeWritten(JSON_TYPES, 'metadata.type'),
    },
    ...Object.keys(insert).map((name) => ({ place: 'metadata.insert', name })),
    ...Object.keys(update).map((name) => ({ place: 'metadata.update', name })),
  ]);
  if (columns.length > 0) return columns;

  const written = new Set([instance, key, value, ...Object.keys(insert)]);
  const required = facts.columns.filter(
    ({ name, isNotNull, hasDefault }) => isNotNull && !hasDefault && !written.has(name),
  );
  const unusable = facts.columns.filter(({ name, mayUseSequence }) => !mayUseSequence && !written.has(name));
  const takesNull = columnOf(facts, value)?.isNotNull === false;
  return [
    ...checkAccess('metadata.table', facts, ['select', 'insert', 'update', 'delete']),
    ...checkUnique('metadata.table', facts, [instance, key]),
    ...checkComparable('metadata.instance', facts, instance, id),
    ...checkDeterministic('metadata.key', facts, key),
    ...checkRowTriggers('metadata.table', facts),
    ...required.map(({ name }) =>
      error(
        'metadata.insert',
        `column "${name}" does not allow null and has no default`,
        `Set insert: { ${JSON.stringify(name)}: '<SQL for its value>' }`,
      ),
    ),
    ...unusable.map(({ name }) =>
      error(
        'metadata.table',
        `this role may not use the sequence of column "${name}"`,
        `grant usage on sequence <the sequence of "${name}"> to <role>;`,
      ),
    ),
    ...(takesNull || metadata.nullable === false
      ? []
      : [error('metadata.nullable', `column "${value}" does not allow null`, 'Set nullable: false')]),
    ...(takesNull && metadata.nullable === false
      ? [
          warning(
            'metadata.nullable',
            `column "${value}" allows null, and null rows would never be filled`,
            'Leave nullable out',
          ),
        ]
      : []),
    ...checkLength('maxLength', metadata.maxLength, columnOf(facts, value)?.length ?? null),
    ...checkLength('maxKeyLength', metadata.maxKeyLength, columnOf(facts, key)?.length ?? null),
  ];
}

/** Checks that texts are limited to what the column takes. */
function checkLength(name: string, given: number | undefined, length: number | null): Finding[] {
  if (length === null || (given !== undefined && given <= length)) return [];
  return [
    warning(
      `metadata.${name}`,
      `the column holds at most ${length} characters, so a longer text would fail`,
      `Set ${name}: ${length}`,
    ),
  ];
}
