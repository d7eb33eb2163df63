import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import { createRunTable } from 'process-metadata-backfill/postgres';
import { pgliteDatabase, type Sql, type SqlDatabase } from '../../2-embedded-postgres/sql.js';
import { pgDatabase } from '../../demo-host/pg-sql.js';

export interface OpenDatabase {
  readonly database: SqlDatabase;
  close(): Promise<void>;
}

/** Where the data of the host are: in a PostgreSQL server, or in a folder with the files of a PGlite. */
export type DatabasePlace = { readonly url: string; readonly schema: string } | { readonly folder: string };

/**
 * Opens the database and creates the tables of the host, unless they are there.
 * @param options.fresh deletes what is there
 */
export async function openDatabase(
  place: DatabasePlace,
  { fresh }: { readonly fresh: boolean },
): Promise<OpenDatabase> {
  return 'url' in place ? openServer(place, fresh) : openFolder(place.folder, fresh);
}

async function openFolder(folder: string, fresh: boolean): Promise<OpenDatabase> {
  const unlock = await lockFolder(folder);
  try {
    if (fresh) await removeData(folder);
    const { database, close } = await openData(folder);
    return { database, close: () => close().finally(unlock) };
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function openData(folder: string): Promise<OpenDatabase> {
  await mkdir(folder, { recursive: true });
  const pglite = await PGlite.create(folder);
  const database = pgliteDatabase(pglite);
  const [found] = await database.query<{ exists: boolean }>(
    `select to_regclass('process_model') is not null as exists`,
  );
  if (found?.exists !== true) await pglite.exec(await schemaText());
  await pglite.exec(createRunTable());
  return { database, close: () => pglite.close() };
}

/** Two processes would destroy the data of a PGlite. A file beside the folder has the number of the process that uses it. */
async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const file = `${folder}.pid`;
  const owner = Number(await readFile(file, 'utf8').catch(() => ''));
  if (owner > 0 && owner !== process.pid && isAlive(owner))
    throw new Error(`The data in ${folder} are in use by process ${owner}. Stop it, or set HOST_APP_FOLDER.`);
  await mkdir(dirname(folder), { recursive: true });
  await writeFile(file, String(process.pid));
  return () => rm(file, { force: true });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // it belongs to somebody else
  }
}

/** Removes the folder of a PGlite, and none that has anything else in it. */
async function removeData(folder: string): Promise<void> {
  const files = await readdir(folder).catch((error): string[] => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (files.length > 0 && !files.includes('PG_VERSION'))
    throw new Error(`HOST_APP_FOLDER: expected a folder with the data of a PGlite, got ${folder}`);
  await rm(folder, { recursive: true, force: true });
}

/** Several processes may do this at the same time. */
async function openServer(
  { url, schema }: { readonly url: string; readonly schema: string },
  fresh: boolean,
): Promise<OpenDatabase> {
  if (!/^[a-z][a-z0-9_]{0,50}$/.test(schema))
    throw new Error(`DEMO_NAME: expected lower-case letters, digits and underscores, got ${schema}`);
  const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}` });
  pool.on('error', (error) => console.error(error.message));
  if (fresh)
    await pool.query(
      `set client_min_messages = warning; drop schema if exists ${schema}, ${schema}_jobs cascade`,
    );
  const database = pgDatabase(pool);
  const text = await schemaText();
  await database.transaction(async (sql: Sql) => {
    await sql.query('select pg_advisory_xact_lock(hashtext($1))', [schema]);
    const [found] = await sql.query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [
      `${schema}.process_model`,
    ]);
    if (found?.exists !== true) {
      await sql.query(`create schema if not exists ${schema}`);
      await sql.query(text);
    }
    await sql.query(createRunTable());
  });
  return { database, close: () => pool.end() };
}

function schemaText(): Promise<string> {
  return readFile(new URL('schema.sql', import.meta.url), 'utf8');
}
