import { type RawBuilder, sql } from 'kysely';
import type { ErrorClass } from 'process-metadata-backfill';
import { classifySqliteError, hasCode, isSqliteUniqueViolation } from './driver-errors.js';
import { checkMariadbSession } from './mariadb-session.js';
import { type Settled, settledInPostgres, settledInSqlite } from './settled.js';
import type { Database } from './tables.js';
import { inImmediateTransaction, inReadCommitted, type Transact } from './transactions.js';
import type { KeptValue, ValueWrite } from './value-write.js';
import { writeMariadb } from './write-mariadb.js';
import { writePostgres } from './write-postgres.js';
import { writeSqlite } from './write-sqlite.js';

/** Everything that needs different SQL in different databases. */
export interface Dialect {
  readonly transact: Transact;
  readonly settled?: Settled;
  /** Added to a select whose rows of process_instance must not be deleted or changed before the transaction ends. */
  readonly lockForShare: RawBuilder<unknown>;
  /** Added to a select whose rows this transaction is going to write. */
  readonly lockForUpdate: RawBuilder<unknown>;
  /** Refuses a connection whose settings would change values. */
  checkSession?(connection: Database): Promise<void>;
  /**
   * Compares a column with a text byte by byte, whatever the collation of the column. The index on this column and others
   * can still be used for ordering.
   */
  isTheOnly(column: string, text: string): RawBuilder<boolean>;
  isIn(column: string, ids: readonly number[]): RawBuilder<boolean>;
  /** A text column in the order of its bytes. */
  bytesOf(column: string): RawBuilder<unknown>;
  /** Returns JSON as the stored text. Some drivers would parse it. */
  asText(json: RawBuilder<unknown>): RawBuilder<string | null>;
  /** The token of a row `m`. It changes when the row changes. */
  readonly token: RawBuilder<string>;
  /** `[key, value, token]` of each row `m` in a group, as one JSON array. */
  readonly rowsOfGroup: RawBuilder<unknown>;
  /** The number of rows in such an array; null has none. */
  rowsIn(rowsOfGroup: RawBuilder<unknown>): RawBuilder<number>;
  /** Whether a part of a statement needs the word `materialized` to be planned separately. */
  readonly materializes: boolean;
  /** Whether different texts are different keys under every collation of the column. */
  readonly comparesExactly: boolean;
  /** What a text column refuses, or does not return unchanged. */
  readonly unstorable: RegExp;
  /** Writes each value of a batch if its guard holds, in as few statements as the database allows. */
  write(database: Database, writes: readonly ValueWrite[]): Promise<readonly KeptValue[]>;
  isUniqueViolation(error: unknown): boolean;
  /** Needed only where the library's own rules, which go by error code, are not enough. */
  classifyError?(error: unknown): ErrorClass | undefined;
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const NUL_OR_LONE_SURROGATE = /\0|\p{Surrogate}/u;

/** PostgreSQL by `pg`, and PGlite. */
export const postgres: Dialect = {
  transact: inReadCommitted,
  settled: settledInPostgres,
  lockForShare: sql`for share`,
  lockForUpdate: sql`for update`,
  isTheOnly: (column, text) => sql`${sql.ref(column)} = ${text}`,
  bytesOf: (column) => sql.ref(column),
  isIn: (column, ids) => sql`${sql.ref(column)} = any (${ids}::int[])`,
  asText: (json) => sql`${json}::text`,
  token: sql`m.xmin::text`,
  rowsOfGroup: sql`json_agg(json_build_array(m.key, m.value, m.xmin::text))`,
  rowsIn: (rows) => sql`coalesce(json_array_length(${rows}), 0)`,
  materializes: true,
  comparesExactly: true,
  unstorable: NUL_OR_LONE_SURROGATE,
  write: writePostgres,
  isUniqueViolation: (error) => hasCode(error, '23505'),
};

/**
 * MariaDB from 10.6 and MySQL from 8.0 on, by `mysql2`. Their list of transactions, `innodb_trx`, needs the privilege
 * PROCESS, lacks transactions that have not read anything yet, and may be a moment old. So nobody knows what is settled.
 */
export const mariadb: Dialect = {
  transact: inReadCommitted,
  lockForShare: sql`lock in share mode`,
  lockForUpdate: sql`for update`,
  checkSession: checkMariadbSession,
  // With `=`, MariaDB reads all index entries of the model that come before the page. The index compares by the collation, to
  // which texts may be equal that differ in case, in an accent or in blanks at the end.
  isTheOnly: (column, text) =>
    sql`(${sql.ref(column)} >= ${text} and ${sql.ref(column)} <= ${text}
      and ${inBytes(sql.ref(column))} = ${inBytes(sql`${text}`)})`,
  bytesOf: (column) => inBytes(sql.ref(column)),
  isIn: (column, ids) =>
    sql`${sql.ref(column)} in
      (select id from json_table(${JSON.stringify(ids)}, '$[*]' columns (id int path '$')) as given)`,
  asText: (json) => sql`cast(${json} as char)`,
  token: sql`concat(m.id, ' ', m.updated_at_in_seconds)`,
  rowsOfGroup: sql`json_arrayagg(json_array(m.key, m.value, concat(m.id, ' ', m.updated_at_in_seconds)))`,
  rowsIn: (rows) => sql`coalesce(json_length(${rows}), 0)`,
  materializes: false,
  comparesExactly: false,
  unstorable: LONE_SURROGATE,
  write: writeMariadb,
  isUniqueViolation: (error) => hasCode(error, 'ER_DUP_ENTRY'),
};

function inBytes(text: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`cast(convert(${text} using utf8mb4) as binary)`;
}

/** SQLite from 3.38 on. */
export const sqlite: Dialect = {
  transact: inImmediateTransaction,
  settled: settledInSqlite,
  lockForShare: sql``,
  lockForUpdate: sql``,
  isTheOnly: (column, text) => sql`${sql.ref(column)} = ${text}`,
  bytesOf: (column) => sql.ref(column),
  isIn: (column, ids) => sql`${sql.ref(column)} in (select value from json_each(${JSON.stringify(ids)}))`,
  asText: (json) => sql`${json}`,
  token: sql`m.id || ' ' || m.updated_at_in_seconds`,
  rowsOfGroup: sql`json_group_array(json_array(m.key, m.value, m.id || ' ' || m.updated_at_in_seconds))`,
  rowsIn: (rows) => sql`json_array_length(${rows})`,
  materializes: false,
  comparesExactly: true,
  unstorable: NUL_OR_LONE_SURROGATE,
  write: writeSqlite,
  isUniqueViolation: isSqliteUniqueViolation,
  classifyError: classifySqliteError,
};
