import { type RawBuilder, sql } from 'kysely';
import type { ErrorClass } from 'process-metadata-backfill';
import { classifySqliteError, hasCode, isSqliteUniqueViolation } from './driver-errors.js';
import type { Database } from './tables.js';
import { inImmediateTransaction, inReadCommitted, type Transact } from './transactions.js';
import type { KeptValue, ValueWrite } from './value-write.js';
import { writeMariadb } from './write-mariadb.js';
import { writePostgres } from './write-postgres.js';
import { writeSqlite } from './write-sqlite.js';

/** Everything that is not the same SQL in all databases. */
export interface Dialect {
  readonly transact: Transact;
  /** Ends a select whose rows of process_instance must neither go nor change before the transaction ends. */
  readonly lockForShare: RawBuilder<unknown>;
  /** Ends a select whose rows this transaction is going to write. */
  readonly lockForUpdate: RawBuilder<unknown>;
  /** A column is this text, so that the columns behind it in an index keep the order of the index. */
  isTheOnly(column: string, text: string): RawBuilder<boolean>;
  isIn(column: string, ids: readonly number[]): RawBuilder<boolean>;
  /** JSON as the text that is stored; some drivers would parse it. */
  asText(json: RawBuilder<unknown>): RawBuilder<string | null>;
  /** All of a group's `[key, value, token]` as one JSON array; the token tells a row `m` from what becomes of it. */
  readonly rowsOfGroup: RawBuilder<unknown>;
  /** How many rows there are in such an array, or in null. */
  rowsIn(rowsOfGroup: RawBuilder<unknown>): RawBuilder<number>;
  /** Whether a part of a statement is planned apart from the whole only if it says `materialized`. */
  readonly materializes: boolean;
  /** Whether different texts are different keys whatever the column's collation. */
  readonly comparesExactly: boolean;
  /** What a text column does not take, or not give back. */
  readonly unstorable: RegExp;
  /** Writes a batch of values under their guards, in as few statements as the database allows. */
  write(database: Database, writes: readonly ValueWrite[]): Promise<readonly KeptValue[]>;
  isUniqueViolation(error: unknown): boolean;
  /** Where the library's own rules by code do not do. */
  classifyError?(error: unknown): ErrorClass | undefined;
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const NUL_OR_LONE_SURROGATE = /\0|\p{Surrogate}/u;

/** PostgreSQL by `pg`, and PGlite. */
export const postgres: Dialect = {
  transact: inReadCommitted,
  lockForShare: sql`for share`,
  lockForUpdate: sql`for update`,
  isTheOnly: (column, text) => sql`${sql.ref(column)} = ${text}`,
  isIn: (column, ids) => sql`${sql.ref(column)} = any (${ids}::int[])`,
  asText: (json) => sql`${json}::text`,
  rowsOfGroup: sql`json_agg(json_build_array(m.key, m.value, m.xmin::text))`,
  rowsIn: (rows) => sql`coalesce(json_array_length(${rows}), 0)`,
  materializes: true,
  comparesExactly: true,
  unstorable: NUL_OR_LONE_SURROGATE,
  write: writePostgres,
  isUniqueViolation: (error) => hasCode(error, '23505'),
};

/** MariaDB from 10.6 and MySQL from 8.0 on, by `mysql2`. */
export const mariadb: Dialect = {
  transact: inReadCommitted,
  lockForShare: sql`lock in share mode`,
  lockForUpdate: sql`for update`,
  // An equality makes MariaDB look at all index entries of the model that come before the page.
  isTheOnly: (column, text) => sql`(${sql.ref(column)} >= ${text} and ${sql.ref(column)} <= ${text})`,
  isIn: (column, ids) =>
    sql`${sql.ref(column)} in
      (select id from json_table(${JSON.stringify(ids)}, '$[*]' columns (id int path '$')) as given)`,
  asText: (json) => sql`cast(${json} as char)`,
  rowsOfGroup: sql`json_arrayagg(json_array(m.key, m.value, concat(m.id, ' ', m.updated_at_in_seconds)))`,
  rowsIn: (rows) => sql`coalesce(json_length(${rows}), 0)`,
  materializes: false,
  comparesExactly: false,
  unstorable: LONE_SURROGATE,
  write: writeMariadb,
  isUniqueViolation: (error) => hasCode(error, 'ER_DUP_ENTRY'),
};

/** SQLite from 3.38 on. */
export const sqlite: Dialect = {
  transact: inImmediateTransaction,
  lockForShare: sql``,
  lockForUpdate: sql``,
  isTheOnly: (column, text) => sql`${sql.ref(column)} = ${text}`,
  isIn: (column, ids) => sql`${sql.ref(column)} in (select value from json_each(${JSON.stringify(ids)}))`,
  asText: (json) => sql`${json}`,
  rowsOfGroup: sql`json_group_array(json_array(m.key, m.value, m.id || ' ' || m.updated_at_in_seconds))`,
  rowsIn: (rows) => sql`json_array_length(${rows})`,
  materializes: false,
  comparesExactly: true,
  unstorable: NUL_OR_LONE_SURROGATE,
  write: writeSqlite,
  isUniqueViolation: isSqliteUniqueViolation,
  classifyError: classifySqliteError,
};
