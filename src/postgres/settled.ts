import type { SettledAnswer } from '../ports/repository.js';
import type { PostgresConnection } from './database.js';

/** Whether the transactions of a mark have ended. */
export async function settled(connection: PostgresConnection, mark: string | null): Promise<SettledAnswer> {
  const [answer] = (await connection.query(SETTLED, [mark])) as SettledAnswer[];
  return answer ?? { mark: mark ?? '', settled: false };
}

/**
 * The mark lists the virtual transaction ids of open transactions. Only clients of this database count: an autovacuum takes
 * hours, and a dump inserts nothing. PostgreSQL may hide the type of the backends of other users, but an autovacuum is known
 * by having no user. A prepared transaction no longer has the id in the mark, so every prepared transaction counts.
 */
const SETTLED = `
  with open as (
    select l.virtualxid as id from pg_locks l join pg_stat_activity a on a.pid = l.pid
    where l.locktype = 'virtualxid' and l.mode = 'ExclusiveLock' and a.datname = current_database()
      and a.pid <> pg_backend_pid() and a.usesysid is not null and a.application_name <> 'pg_dump'
      and coalesce(a.backend_type, 'client backend') = 'client backend')
  select coalesce($1::text, (select string_agg(id, ' ') from open), '') as mark,
    not exists (select from open where $1::text is null or id = any (string_to_array($1::text, ' ')))
      and not exists (select from pg_prepared_xacts where database = current_database()) as settled`;
