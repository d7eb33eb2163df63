import { parseName, type QualifiedName, quoteName } from '../sql/quote-name.js';

export const RUN_TABLE = 'metadata_backfill_run';

/** The comment of the table says in which format it is. A change of columns, indexes or of the function is a new format. */
export const RUN_TABLE_FORMAT = 1;

/** What the comment of a table of runs has in it, before the number. */
export const FORMAT_COMMENT = 'process-metadata-backfill: format ';

/** The end of the longest name that is derived from that of the table. */
const LONGEST_SUFFIX = '_active_key';

/** @throws {InvalidInputError} */
export function parseRunTable(table: string, subject: string): QualifiedName {
  return parseName(table, subject, 63 - LONGEST_SUFFIX.length);
}

/** The name of the unique constraint on `active_key`, in a table that `createRunTable` has created. */
export function activeKeyConstraint({ name }: QualifiedName): string {
  return `${name}${LONGEST_SUFFIX}`;
}

export function runIdIndex({ name }: QualifiedName): string {
  return `${name}_run_id`;
}

/** The function's name, without its schema, which is that of the table. */
export function isTrueFunction({ name }: QualifiedName): string {
  return `${name}_is_true`;
}

/** The types of the function's parameters. */
export const IS_TRUE_PARAMETERS = 'text, text, bigint';

/**
 * The function `(statement text, parameter text, after bigint) returns boolean`, quoted for a statement. It executes `statement`
 * with `parameter` as its only parameter, and sees what was committed before the call.
 * @throws {InvalidInputError}
 */
export function quoteIsTrue(table: string): string {
  const { schema, name } = parseRunTable(table, 'runs.table');
  return quoteName([...(schema === null ? [] : [schema]), isTrueFunction({ schema, name })].join('.'));
}
