import { z } from 'zod';
import {
  expecting,
  type Fields,
  nonBlank,
  objectWith,
  parseInput,
  wholeNumber,
} from '../../input/parse-input.js';
import type { Throttle } from '../../ports/throttle.js';
import type { PostgresConnection } from '../database.js';
import { holdWhileGreater } from './ask-postgres.js';

export interface ReplicaLagOptions {
  /** The one that batches are written to, such as `fromPg(pool)`. */
  readonly database: PostgresConnection;
  /** The most that a replica may lag, in milliseconds. */
  readonly maxMs: number;
  /**
   * Returns one row with one number of milliseconds, for databases that know the lag from elsewhere.
   * @default the greatest lag in `pg_stat_replication`, for which the role needs `pg_monitor`
   */
  readonly query?: string | undefined;
  /** When a held batch asks again, in milliseconds. @default 5_000 */
  readonly retryAfterMs?: number | undefined;
}

/**
 * A throttle that holds batches while a replica lags too far, is catching up, or its lag is unknown. Before each batch it asks
 * the database. A replica that is not connected holds no batches. Nor does a server without replicas.
 * @throws {InvalidInputError} when an option is wrong.
 * @example
 * runBackfill({ ..., throttle: replicaLag({ database: fromPg(pool), maxMs: 5_000 }) })
 */
export function replicaLag(options: ReplicaLagOptions): Throttle {
  const { database, maxMs, query, retryAfterMs } = parseInput('replicaLag', schema, options);
  return holdWhileGreater({
    database,
    name: 'replica lag',
    query: query ?? GREATEST_LAG,
    max: maxMs,
    show: showTime,
    nullMeans: query === undefined ? ' (let the role be a member of pg_monitor)' : '',
    retryAfterMs,
  });
}

/**
 * Without pg_monitor, a role sees that there are replicas, but not their state. The lag is null once a replica has
 * replayed all and nothing new comes. The lag of a replica that is catching up means little. A base backup replays nothing.
 */
const GREATEST_LAG = `
  select case when bool_or(state is null) then null
    else coalesce(max(case when state = 'streaming'
      then coalesce(extract(epoch from replay_lag)::float8 * 1000, 0) else 'Infinity' end), 0) end as milliseconds
  from pg_stat_replication where state is distinct from 'backup'`;

/** Rounded up, so that a lag beyond the limit also looks so. */
function showTime(ms: number): string {
  if (!Number.isFinite(ms)) return 'of a replica that is catching up';
  return ms < 1000 ? `${Math.ceil(ms)} ms` : `${Math.ceil(ms / 100) / 10} s`;
}

const schema: z.ZodType<ReplicaLagOptions> = z.strictObject({
  database: objectWith<PostgresConnection>('a database', ['query']),
  maxMs: expecting<number>('a number of at least 0', (value) => Number.isFinite(value) && Number(value) >= 0),
  query: nonBlank.optional(),
  retryAfterMs: wholeNumber(1, 86_400_000).optional(),
} satisfies Fields<ReplicaLagOptions>);
