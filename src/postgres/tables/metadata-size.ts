import { quoteName } from '../sql/quote-name.js';

/**
 * PostgreSQL keeps the plan of a prepared statement. A plan that was made while the metadata table was small scans it once per
 * instance. When the table is large, that takes minutes per page. So statements get another text once the table is no longer
 * small, and PostgreSQL plans them again. For other tables, `statement-names.ts` sees to that, less often.
 */
export interface MetadataSize {
  /** SQL: whether the table is small. */
  readonly isSmall: string;
  /** Remembers what the last page has answered. */
  note(isSmall: boolean): void;
  /** The text under which to send a statement that reads metadata of many instances. */
  sentAs(statement: string): string;
}

/** @param table that of the metadata. `null`: they are in the table of the instances. */
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

/** 16 pages of 8 KB. From about 10 pages on, the default costs of PostgreSQL make a look into the index cheaper than a scan. */
const SMALL_BYTES = 131_072;

/** SQL: the size of a table. That of a partitioned one is in its partitions. */
function bytesOf(table: string): string {
  return `coalesce((select sum(pg_relation_size(relid)) from pg_partition_tree('${table}')), (select pg_relation_size('${table}')))`;
}

function literal(table: string): string {
  return quoteName(table, 'metadata.table').replaceAll("'", "''");
}
