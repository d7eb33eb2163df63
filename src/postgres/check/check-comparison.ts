import { quoteIdentifier, quoteName } from '../sql/quote-name.js';
import { checkIndex, columnOf } from './check-table.js';
import { error, type Finding } from './finding.js';
import type { ColumnFacts, TableFacts } from './table-facts.js';

/** Checks that a column can be compared with the ids of instances, by an index. @param id the id column of the instances. */
export function checkComparable(
  place: string,
  facts: TableFacts,
  name: string,
  id: ColumnFacts | undefined,
): Finding[] {
  const column = columnOf(facts, name);
  if (id === undefined || column === undefined) return [];
  if (kindOf(column) !== kindOf(id))
    return [
      error(
        place,
        `its type is ${column.type}, but the id of the instances has the type ${id.type}. Ids may match wrongly, or not at all`,
        alike(facts, name, id),
      ),
    ];
  if (!column.isDeterministic || !id.isDeterministic) return checkDeterministic(place, facts, name);
  if (column.collation !== null && id.collation !== null && column.collation !== id.collation)
    return [
      error(
        place,
        `its collation is ${column.collation}, and that of the instances' id is ${id.collation}, so PostgreSQL cannot compare them`,
        alike(facts, name, id),
      ),
    ];
  // A commit compares the column with values. A page compares it with ids. If either of them has the default collation,
  // PostgreSQL uses the collation of the other.
  const collations = new Set([column.collation, column.collation ?? id.collation]);
  return [...collations].flatMap((collation) => checkIndex(place, facts, [{ name, collation }]));
}

/**
 * Refuses a column with a collation for which different texts are equal. A unique key on the column would allow only one row for
 * all of these texts.
 */
export function checkDeterministic(place: string, facts: TableFacts, name: string): Finding[] {
  if (columnOf(facts, name)?.isDeterministic !== false) return [];
  return [
    error(
      place,
      `the collation of ${quoteIdentifier(name)} is nondeterministic, so it treats different texts as equal`,
      `alter table ${quoteName(facts.name)} alter column ${quoteIdentifier(name)} type text collate "C"; or write a repository of your own`,
    ),
  ];
}

/** Groups of types that PostgreSQL compares exactly and with an index. */
const KINDS: readonly (readonly string[])[] = [
  ['smallint', 'integer', 'bigint', 'numeric'],
  ['text', 'character varying'],
];

function kindOf({ type }: ColumnFacts): string {
  return KINDS.find((types) => types.includes(type))?.[0] ?? type;
}

function alike(facts: TableFacts, name: string, { type, length, collation }: ColumnFacts): string {
  const written = `${type}${length === null ? '' : `(${length})`}${collation === null ? '' : ` collate ${collation}`}`;
  return `alter table ${quoteName(facts.name)} alter column ${quoteIdentifier(name)} type ${written};`;
}
