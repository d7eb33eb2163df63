import { Kysely, PostgresDialect, sql } from 'kysely';
import { Pool } from 'pg';
import { postgres } from '../repository/dialects.js';
import type { Tables } from '../repository/tables.js';
import { createTables, type EmptyDatabase, temporaryName } from './empty-database.js';

/** Creates a schema of its own in the database at `url`. */
export async function openPostgres(url: string): Promise<EmptyDatabase> {
  const schema = temporaryName();
  // PostgreSQL would compile a page of some thousand instances (`jit`), which takes longer than reading it.
  const pool = new Pool({ connectionString: url, options: `-c search_path=${schema} -c jit=off` });
  // The first listener is for idle connections, the second for those in use. Without them, a lost connection ends the process.
  pool.on('error', (error) => console.error(error.message));
  pool.on('connect', (client) => client.on('error', () => {}));
  const database = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  await sql`create schema ${sql.id(schema)}`.execute(database);
  await createTables(database, 'postgres');
  return {
    database,
    dialect: postgres,
    async close() {
      await sql`drop schema ${sql.id(schema)} cascade`.execute(database);
      await database.destroy();
    },
  };
}
