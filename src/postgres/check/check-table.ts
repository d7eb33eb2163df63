import type { IdType } from '../configuration.js';
import { quoteIdentifier, quoteName } from '../sql/quote-name.js';
import { error, type Finding, warning } from './finding.js';
import type { ColumnFacts, IndexFacts, Privilege, TableFacts } from './table-facts.js';

/** What the configuration says about a column. */
export interface NamedColumn {
  /** The member of the configuration that names it. */
  readonly place: string;
  readonly name: string;
  /** The types that it may have, as the catalog writes them. @default any */
  readonly types?: readonly string[] | undefined;
  /** How to write the types that the configuration knows. */
  readonly write?: ((type: string) => string | null) | undefined;
}

/** The names of types in the catalog, for the types of a configuration. */
export const CATALOG_TYPES: Readonly<Record<IdType, readonly string[]>> = {
  int: ['integer', 'smallint'],
  bigint: ['bigint'],
  uuid: ['uuid'],
  text: ['text', 'character varying'],
};

/** The same for documents and values. */
export const JSON_TYPES: Readonly<Record<'json' | 'jsonb' | 'text', readonly string[]>> = {
  json: ['json'],
  jsonb: ['jsonb'],
  text: ['text', 'character varying'],
};

/** How a configuration writes a type of the catalog. `null`: it cannot. */
export function typeWritten<Type extends string>(
  types: Readonly<Record<Type, readonly string[]>>,
  place: string,
): (type: string) => string | null {
  return (type) => {
    const known = Object.entries<readonly string[]>(types).find(([, names]) => names.includes(type));
    return known === undefined ? null : `Set ${place}: '${known[0]}'`;
  };
}

export function missingTable(place: string, name: string): Finding {
  return error(
    place,
    `this connection sees no table ${quoteName(name)}`,
    'Write its name as in the catalog, with its schema if that is not in the search_path: schema.table',
  );
}

/** Checks that it is a table that the role may use. */
export function checkAccess(place: string, facts: TableFacts, privileges: readonly Privilege[]): Finding[] {
  const table = quoteName(facts.name);
  const lacking = privileges.filter((privilege) => !facts.may[privilege]);
  return [
    ...(facts.kind === 'r' || facts.kind === 'p'
      ? []
      : [
          error(
            place,
            `${table} is not a table, so its rows cannot be locked`,
            'Name the table behind it, or write a repository of your own',
          ),
        ]),
    ...(facts.hasPolicies
      ? [
          warning(
            place,
            `row-level security may hide rows of ${table} from this role, and an instance that the role cannot lock counts as gone`,
            'Use a role with bypassrls, or policies that allow this role all rows',
          ),
        ]
      : []),
    ...(lacking.length === 0
      ? []
      : [
          error(
            place,
            `this role lacks ${lacking.join(', ')} on ${table}`,
            `grant ${lacking.join(', ')} on ${table} to <role>;`,
          ),
        ]),
  ];
}

export function checkColumns(facts: TableFacts, columns: readonly NamedColumn[]): Finding[] {
  return columns.flatMap(({ place, name, types, write }): Finding[] => {
    const column = columnOf(facts, name);
    if (column === undefined) {
      const names = facts.columns.map((known) => known.name).join(', ');
      return [
        error(place, `${quoteName(facts.name)} has no column ${quoteIdentifier(name)}`, `It has ${names}`),
      ];
    }
    if (types === undefined || types.includes(column.type)) return [];
    const fix =
      write?.(column.type) ??
      `Supported types: ${types.join(', ')}. For others, write a repository of your own`;
    return [error(place, `the type of ${quoteIdentifier(name)} is ${column.type}`, fix)];
  });
}

export function columnOf(facts: TableFacts, name: string): ColumnFacts | undefined {
  return facts.columns.find((column) => column.name === name);
}

/** Checks that a unique key has exactly these columns, in any order. */
export function checkUnique(place: string, facts: TableFacts, columns: readonly string[]): Finding[] {
  const isKey = ({ isUnique, isPartial, isImmediate, columns: own }: IndexFacts): boolean =>
    isUnique &&
    !isPartial &&
    isImmediate &&
    own.length === columns.length &&
    columns.every((name) => own.includes(name));
  if (facts.indexes.some(isKey)) return [];
  const list = columns.map((name) => quoteIdentifier(name)).join(', ');
  const isPossible = facts.partitionedBy.every((name) => name !== null && columns.includes(name));
  return [
    error(
      place,
      `${quoteName(facts.name)} has no unique key on (${list})`,
      isPossible
        ? `alter table ${quoteName(facts.name)} add unique (${list});`
        : 'PostgreSQL allows no such key here, because the key lacks a partitioning column. Write a repository of your own',
    ),
  ];
}

/** Checks that an index begins with these columns, so that no query scans the table. */
export function checkIndex(place: string, facts: TableFacts, columns: readonly IndexedColumn[]): Finding[] {
  const needed = columns.map(({ name, collation }) => {
    const own = columnOf(facts, name)?.collation ?? null;
    return { name, own, collation: collation ?? own };
  });
  const fits = ({ columns, collations, isPartial }: IndexFacts): boolean =>
    !isPartial &&
    needed.every(({ name, collation }, index) => columns[index] === name && collations[index] === collation);
  if (facts.indexes.some(fits)) return [];
  const list = needed
    .map(
      ({ name, own, collation }) =>
        `${quoteIdentifier(name)}${collation === own ? '' : ` collate ${collation}`}`,
    )
    .join(', ');
  return [
    warning(
      place,
      `${quoteName(facts.name)} has no index on (${list}), so each page scans the table`,
      `create index concurrently on ${quoteName(facts.name)} (${list});`,
    ),
  ];
}

export interface IndexedColumn {
  readonly name: string;
  /** As in the facts. @default that of the column */
  readonly collation?: string | null;
}
