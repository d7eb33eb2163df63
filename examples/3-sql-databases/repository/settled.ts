import { sql } from 'kysely';
import type { SettledAnswer } from 'process-metadata-backfill';
import type { Database } from './tables.js';
import { inImmediateTransaction } from './transactions.js';

/** Whether the transactions of a mark have ended. With `null`: makes a mark. */
export type Settled = (database: Database, mark: string | null) => Promise<SettledAnswer>;

/**
 * The mark lists the virtual transaction ids of open transactions. Only clients of this database count: an autovacuum takes
 * hours, and a dump inserts nothing. PostgreSQL may hide the type of the backends of other users, but an autovacuum is known
 * by having no user. A prepared transaction no longer has the id in the mark, so every prepared transaction counts.
 */
export const settledInPostgres: Settled = async (database, mark) => {
  const { rows } = await sql<SettledAnswer>`
    with open as (
      select l.virtualxid as id from pg_locks l join pg_stat_activity a on a.pid = l.pid
      where l.locktype = 'virtualxid' and l.mode = 'ExclusiveLock' and a.datname = current_database()
        and a.pid <> pg_backend_pid() and a.usesysid is not null and a.application_name <> 'pg_dump'
        and coalesce(a.backend_type, 'client backend') = 'client backend')
    select coalesce(${mark}::text, (select string_agg(id, ' ') from open), '') as mark,
      not exists (select from open where ${mark}::text is null or id = any (string_to_array(${mark}::text, ' ')))
        and not exists (select from pg_prepared_xacts where database = current_database()) as settled
  `.execute(database);
  return rows[0] ?? { mark: mark ?? '', settled: false };
};

/** SQLite has one writer at a time. Whoever gets the lock knows that all earlier writers have ended. */
export const settledInSqlite: Settled = async (database) => {
  await inImmediateTransaction(database, async () => {});
  return { mark: '', settled: true };
};
