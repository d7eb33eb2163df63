import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { pgDatabase, type SqlDatabase } from './database.js';
import { pgliteDatabase } from './pglite-database.js';

/** A database with the tables of `schema.sql` in it, all of them empty. */
export interface OpenedDatabase {
  readonly database: SqlDatabase;
  close(): Promise<void>;
}

const tables = await readFile(new URL('schema.sql', import.meta.url), 'utf8');

/** In memory, inside of this process. */
export async function openPglite(): Promise<OpenedDatabase> {
  const pglite = await PGlite.create();
  await pglite.exec(tables);
  return { database: pgliteDatabase(pglite), close: () => pglite.close() };
}

/** In a schema of its own on the server at `url`. `close` drops the schema. */
export async function openPostgres(url: string): Promise<OpenedDatabase> {
  const schema = `own_repository_${randomBytes(6).toString('hex')}`;
  const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}` });
  await pool.query(`create schema ${schema}; ${tables}`);
  return {
    database: pgDatabase(pool),
    async close() {
      await pool.query(`set client_min_messages = warning; drop schema ${schema} cascade`);
      await pool.end();
    },
  };
}
