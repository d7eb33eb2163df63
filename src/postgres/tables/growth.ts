import { quoteName } from '../sql/quote-name.js';

/**
 * A driver may keep the plan of a statement. While the metadata are few, that plan may read all of them for each instance. Once they
 * have grown, each page would take minutes. So statements have one text while the metadata are few, and another one afterwards.
 */
export interface Growth {
  /** SQL: whether the metadata are few. */
  readonly areFew: string;
  /** Takes note of the last answer. */
  note(areFew: boolean): void;
  /** The text of a statement that reads metadata of many instances. */
  textOf(statement: string): string;
}

/** @param table that of the metadata. `null`: they are in the table of the instances. */
export function growthOf(table: string | null): Growth {
  let wereFew = false;
  return {
    areFew: table === null ? 'false' : `(select pg_relation_size('${literal(table)}') < ${FEW_BYTES})`,
    note(areFew) {
      wereFew = areFew;
    },
    textOf: (statement) => (wereFew ? `${statement} -- few metadata` : statement),
  };
}

/** Of 16 pages. PostgreSQL prefers the index for a table of about 10 pages. */
const FEW_BYTES = 131_072;

function literal(table: string): string {
  return quoteName(table, 'metadata.table').replaceAll("'", "''");
}
