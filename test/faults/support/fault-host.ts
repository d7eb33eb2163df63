import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Sql, SqlDatabase } from '../../../examples/2-embedded-postgres/sql.js';
import { pgDatabase } from '../../../examples/demo-host/pg-sql.js';
import type { BackfillRepository } from '../../../src/index.js';
import { MODEL } from '../../support/instances.js';
import { serverUrl } from '../../support/server-urls.js';
import { createPostgresRepository, spiffTables } from '../../support/spiff-repository.js';

export const PATHS = [
  { key: 'invoice_number', path: 'invoice.number' },
  { key: 'city', path: 'customer.address.city' },
  { key: 'amount', path: 'lines[0].amount' },
] as const;

/** A workflow backend with a schema of its own in PostgreSQL, and more than one connection to it. */
export interface FaultHost {
  /** Of its schema; that of a job runner is `<name>_jobs`. */
  readonly name: string;
  readonly url: string;
  readonly pool: pg.Pool;
  readonly database: SqlDatabase;
  readonly repository: BackfillRepository<Sql, number>;
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** One more way into the same schema. Closed with the host. */
  connect(options?: { readonly url?: string; readonly settings?: string; readonly max?: number }): pg.Pool;
  close(): Promise<void>;
}

export const POSTGRES_URL: string = serverUrl('PostgreSQL');
export const REDIS_URL: string = serverUrl('Redis');
export const AMQP_URL: string = serverUrl('RabbitMQ');

export async function openFaultHost(url = POSTGRES_URL): Promise<FaultHost> {
  const name = `faults_${Math.random().toString(36).slice(2, 12)}`;
  const pools: pg.Pool[] = [];
  const connect: FaultHost['connect'] = ({ url: through = url, settings = '', max = 4 } = {}) => {
    const pool = openPool(through, name, { settings, max });
    pools.push(pool);
    return pool;
  };
  const pool = connect();
  const database = pgDatabase(pool);
  await pool.query(`create schema ${name}`);
  await pool.query(await spiffTables());
  await pool.query(await readFile(fileURLToPath(new URL('written-rows.sql', import.meta.url)), 'utf8'));
  return {
    name,
    url,
    pool,
    database,
    repository: createPostgresRepository(database),
    query: (text, values) => database.query(text, values),
    connect,
    async close() {
      await pool.query(
        `set client_min_messages = warning; drop schema if exists ${name}, ${name}_jobs cascade`,
      );
      await Promise.all(pools.map((open) => open.end()));
    },
  };
}

/** A pool that looks for its tables in the schema `name`. */
export function openPool(
  url: string,
  name: string,
  { settings = '', max = 4 }: { readonly settings?: string; readonly max?: number } = {},
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    options: `-c search_path=${name} -c application_name=${name} ${settings}`,
    max,
  });
  pool.on('error', () => {}); // of a connection that nobody uses at the moment
  return pool;
}

/**
 * Instances 1 to `count` with all that a run may meet: values, nulls, keys that are missing, metadata from before,
 * instances that never completed a task or still run, and, of each 13, one whose document is broken.
 */
export async function createInstances({ query }: Pick<FaultHost, 'query'>, count: number): Promise<void> {
  await query(`
    insert into process_instance (process_model_identifier, status)
    select '${MODEL}', case when i % 10 = 0 then 'user_input_required' else 'complete' end
    from generate_series(1, ${count}) i`);
  await query(`
    insert into json_data (hash, data)
    select 'hash ' || i, case when i % 13 = 0 then '{"broken' else json_strip_nulls(json_build_object(
      'invoice', json_build_object('number', 'INV-' || i),
      'customer', case when i % 5 > 0 then json_build_object('address', json_build_object('city', 'Ville ' || i % 90)) end,
      'lines', json_build_array(json_build_object('amount', i))))::text end
    from generate_series(1, ${count}) i`);
  await query(`update json_data set data = replace(data, '"INV-' || substr(hash, 6) || '"', 'null')
    where substr(hash, 6)::int % 7 = 0`);
  await query(`
    insert into task (guid, process_instance_id, state, json_data_hash, end_in_seconds)
    select name || ' ' || i, i, state, hash, ended
    from generate_series(1, ${count}) i cross join lateral (values
      ('newest', 'COMPLETED', 'hash ' || i, 20),
      ('older', 'COMPLETED', 'hash ' || 1 + i % 12, 10),
      ('open', 'READY', 'hash 1', null)) t (name, state, hash, ended)
    where i % 17 > 0 or name = 'open'`);
  await query(`
    insert into process_instance_metadata (process_instance_id, key, value, created_at_in_seconds, updated_at_in_seconds)
    select i, 'city', 'from before', 1, 1 from generate_series(1, ${count}) i where i % 11 = 0`);
  await query('truncate written_row');
}
