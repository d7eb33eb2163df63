import pg from 'pg';
import { pgliteDatabase, type SqlDatabase } from '../../../examples/2-embedded-postgres/sql.js';
import { pgDatabase } from '../../../examples/demo-host/pg-sql.js';
import { createOwnDatabase } from '../../support/own-database.js';
import { createPglite } from '../../support/pglite.js';

/** A database that belongs to nobody else. */
export interface OpenedDatabase {
  readonly database: SqlDatabase;
  close(): Promise<void>;
}

/** @param schema the tables in it. */
export async function openPglite(schema: string): Promise<OpenedDatabase> {
  const pglite = await createPglite();
  await pglite.exec(schema);
  return { database: pgliteDatabase(pglite), close: () => pglite.close() };
}

/** On the server at `url`. @param isolation that of transactions by default. */
export async function openPostgres(
  url: string,
  schema: string,
  { isolation = 'read committed' } = {},
): Promise<OpenedDatabase> {
  const own = await createOwnDatabase(url);
  const options = `-c default_transaction_isolation=${isolation.replace(' ', '\\ ')}`;
  const pool = new pg.Pool({ connectionString: own.url, options });
  pool.on('error', () => {}); // a connection of an ended pool may still be there when the database is dropped
  await pool.query(schema);
  const database = pgDatabase(pool);
  return {
    database: {
      query: (...statement) => database.query(...statement),
      transaction: (work) =>
        database.transaction(async (sql) => {
          await sql.query('set transaction isolation level read committed');
          return work(sql);
        }),
    },
    async close() {
      await pool.end();
      await own.drop();
    },
  };
}
