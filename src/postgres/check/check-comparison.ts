import { quoteIdentifier, quoteName } from '../sql/quote-name.js';
import { columnOf } from './check-table.js';
import { error, type Finding, warning } from './finding.js';
import type { ColumnFacts, TableFacts } from './table-facts.js';

/** Checks that a column can be compared with the ids of instances. @param id the column with these. */
export function checkComparable(
  place: string,
  facts: TableFacts,
  name: string,
  id: ColumnFacts | undefined,
): Finding[] {
  const column = columnOf(facts, name);
  if (id === undefined || column === undefined) return [];
  if (!column.isDeterministic) return [looseCollation(place, facts, name)];
  if (column.collation === id.collation || column.collation === null || id.collation === null) return [];
  return [
    error(
      place,
      `its collation is ${column.collation}, and that of the instances' id is ${id.collation}, so PostgreSQL cannot compare them`,
      alike(facts, name, id),
    ),
  ];
}

/** A unique key over such a column has one row for different texts. */
export function looseCollation(place: string, facts: TableFacts, name: string): Finding {
  return error(
    place,
    `the collation of ${quoteIdentifier(name)} treats different texts as equal`,
    `alter table ${quoteName(facts.name)} alter column ${quoteIdentifier(name)} type text collate "C"; or write a repository of your own`,
  );
}

/** Checks that an index on a column finds the rows of an instance. */
export function checkIndexable(
  place: string,
  facts: TableFacts,
  name: string,
  id: ColumnFacts | undefined,
): Finding[] {
  const column = columnOf(facts, name);
  if (id === undefined || column === undefined) return [];
  // A comparison has the collation of the column that has one of its own.
  const hasOther = column.collation === null && id.collation !== null;
  const what = column.type === 'character' ? 'type' : hasOther ? 'collation' : null;
  if (what === null) return [];
  return [
    warning(
      place,
      `it has another ${what} than the instances' id, so each batch scans ${quoteName(facts.name)}`,
      alike(facts, name, id),
    ),
  ];
}

function alike(facts: TableFacts, name: string, { type, length, collation }: ColumnFacts): string {
  const written = `${type}${length === null ? '' : `(${length})`}${collation === null ? '' : ` collate ${collation}`}`;
  return `alter table ${quoteName(facts.name)} alter column ${quoteIdentifier(name)} type ${written};`;
}
