import { quoteName } from '../sql/quote-name.js';

/**
 * PostgreSQL keeps the plan of a prepared statement. A plan that was made while the metadata table was small scans it once per
 * instance. When the table is large, that takes minutes per page. So statements carry a comment while the last page has found the
 * table small. Without it, their text is another one, and PostgreSQL plans them again. The first page of a repository carries none. For
 * the other tables, `statement-names.ts` has statements planned again, but less often.
 */
export interface MetadataSize {
  /** SQL: whether the table is small. */
  readonly isSmall: string;
  /** Remembers what the last page has answered. */
  note(isSmall: boolean): void;
  /** Adds the comment to a statement that reads or writes metadata of many instances, if the table was small. */
  sentAs(statement: string): string;
}

/** @param table the metadata table, or `null` if metadata are in the table of the instances. */
export function metadataSizeOf(table: string | null): MetadataSize {
  let wasSmall = false;
  return {
    isSmall: table === null ? 'false' : `(${bytesOf(literal(table))} < ${SMALL_BYTES})`,
    note(isSmall) {
      wasSmall = isSmall;
    },
    sentAs: (statement) => (wasSmall ? `${statement} -- the metadata table is small` : statement),
  };
}

/** 16 pages of 8 KB: a bit above the 10 pages from which PostgreSQL, by its default costs, takes an index lookup for cheaper than a scan. */
const SMALL_BYTES = 131_072;

/** SQL: the size of a table. That of a partitioned one is in its partitions. */
function bytesOf(table: string): string {
  return `coalesce((select sum(pg_relation_size(relid)) from pg_partition_tree('${table}')), (select pg_relation_size('${table}')))`;
}

function literal(table: string): string {
  return quoteName(table, 'metadata.table').replaceAll("'", "''");
}
