import { type SQL, sql } from 'drizzle-orm';
import { drizzle as drizzleMysql } from 'drizzle-orm/mysql2';
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres';
import { createPool } from 'mysql2/promise';
import { Pool } from 'pg';
import { type OpenDriver, type Query, rowsOf } from './sql-driver.js';

export const openDrizzle: OpenDriver = (url) => (url.startsWith('postgres') ? onPostgres(url) : onMysql(url));

function onPostgres(url: string) {
  // A connection that breaks at `begin` is never given back to the pool. So many of them are enough for a test.
  const pool = new Pool({ connectionString: url, max: 20, connectionTimeoutMillis: 2000 });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const database = drizzlePg(pool);
  const queryOn =
    (connection: Pick<typeof database, 'execute'>): Query =>
    async (text, values) =>
      rowsOf((await connection.execute(statement(text, values))).rows);
  return {
    query: queryOn(database),
    transaction: <Answer>(work: (query: Query) => Promise<Answer>) =>
      database.transaction((transaction) => work(queryOn(transaction))),
    close: async () => void pool.end(), // which would wait for those connections
  };
}

function onMysql(url: string) {
  const pool = createPool({ uri: url, connectionLimit: 3 });
  const database = drizzleMysql(pool);
  const queryOn =
    (connection: Pick<typeof database, 'execute'>): Query =>
    async (text, values) =>
      rowsOf((await connection.execute(statement(text, values)))[0]);
  return {
    query: queryOn(database),
    transaction: <Answer>(work: (query: Query) => Promise<Answer>) =>
      database.transaction((transaction) => work(queryOn(transaction))),
    close: () => pool.end(),
  };
}

function statement(text: string, values: readonly unknown[] = []): SQL {
  const parts = text.split('?').map((part) => sql.raw(part));
  return sql.join(parts.flatMap((part, index) => (index === 0 ? [part] : [sql`${values[index - 1]}`, part])));
}
