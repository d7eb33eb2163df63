import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { fromPg, fromPglite, type PostgresDatabase } from 'process-metadata-backfill/postgres';
import { pgliteDatabase, type SqlDatabase } from '../../examples/2-embedded-postgres/sql.js';
import { withLatency } from '../../examples/2-embedded-postgres/with-latency.js';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';

/** An empty schema of a PostgreSQL, which goes when it is closed. */
export interface BenchDatabase {
  readonly sql: SqlDatabase;
  /** The same for the library. */
  readonly database: PostgresDatabase<never>;
  readonly version: string;
  /** How much longer each statement takes than it would. */
  readonly latencyMs: number;
  /** How other processes get there; `null` on PGlite, which has but one connection. */
  readonly connection: Connection | null;
  close(): Promise<void>;
}

export interface Connection {
  readonly connectionString: string;
  readonly options: string;
  /** What pg_stat_activity shows. */
  readonly application_name: string;
}

const CONNECTIONS = 10;

/** The server at DATABASE_URL, or else the local one, or else PGlite. */
export async function openDatabase({ latencyMs = 0 } = {}): Promise<BenchDatabase> {
  const connectionString = process.env.DATABASE_URL || 'postgres://root@127.0.0.1:5432/postgres';
  const admin = new pg.Client({ connectionString, connectionTimeoutMillis: 3000 });
  try {
    await admin.connect();
  } catch (error) {
    if (process.env.DATABASE_URL) throw error;
    return openPglite();
  }
  const name = `bench_${process.pid}_${Date.now().toString(36)}`;
  await admin.query(`create schema ${name}`);
  const { rows } = await admin.query<{ version: string }>('select version()');
  const connection = { connectionString, options: `-c search_path=${name}`, application_name: name };
  const pool = openPool(connection);
  return {
    sql: withLatency(pgDatabase(pool), latencyMs),
    database: withLatency(fromPg(pool) as PostgresDatabase<never>, latencyMs),
    latencyMs,
    version: rows[0]?.version.split(' (')[0] ?? 'PostgreSQL',
    connection,
    async close() {
      await pool.end();
      await admin.query(`set client_min_messages = warning; drop schema ${name} cascade`);
      await admin.end();
    },
  };
}

/** Its connections stay open: none is to be opened within a time that is taken. */
export function openPool(connection: Connection): pg.Pool {
  const pool = new pg.Pool({ ...connection, max: CONNECTIONS, idleTimeoutMillis: 0 });
  pool.on('error', (error) => console.error(error.message));
  return pool;
}

async function openPglite(): Promise<BenchDatabase> {
  const pglite = await PGlite.create();
  return {
    sql: pgliteDatabase(pglite),
    database: fromPglite(pglite) as PostgresDatabase<never>,
    latencyMs: 0,
    version:
      'PGlite, as no PostgreSQL answers (DATABASE_URL can name one): its figures are not those of a server',
    connection: null,
    close: () => pglite.close(),
  };
}
