import { all, type Throttle } from 'process-metadata-backfill';
import { askPostgres, type PostgresConnection } from 'process-metadata-backfill/postgres';

export function holdWhileBusy(database: PostgresConnection): Throttle {
  return all(...LIMITS.map((limit) => askPostgres({ database, ...limit })));
}

export const LIMITS = [
  {
    name: 'active connections',
    max: 80,
    query: `select count(*) from pg_stat_activity where state = 'active' and backend_type = 'client backend'`,
  },
  {
    name: 'WAL kept for replication slots',
    unit: 'MB',
    max: 10_000,
    query: `select coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) / 1048576, 0)::int
      from pg_replication_slots`,
  },
  {
    name: 'vacuums of the metadata',
    max: 0,
    query: `select count(*) from pg_stat_progress_vacuum where relid = 'process_instance_metadata'::regclass`,
  },
] as const;
