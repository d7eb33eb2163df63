import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite';
import { Kysely, type SqliteDatabase, SqliteDialect } from 'kysely';
import { sqlite } from '../repository/dialects.js';
import type { Database, Tables } from '../repository/tables.js';
import { createTables, type EmptyDatabase } from './empty-database.js';

/** Creates a database in a file, so that other processes can open it, too. */
export async function openSqlite(): Promise<EmptyDatabase & { readonly path: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'metadata-backfill-'));
  const path = join(directory, 'spiff.db');
  const database = connectSqlite(path);
  await createTables(database, 'sqlite');
  return {
    database,
    dialect: sqlite,
    path,
    async close() {
      await database.destroy();
      await rm(directory, { recursive: true });
    },
  };
}

export function connectSqlite(path: string): Database {
  // The driver is synchronous: waiting for a lock blocks the whole process. So wait only briefly; the library retries.
  const connection = new DatabaseSync(path, { timeout: 100 });
  connection.exec('pragma journal_mode = wal; pragma synchronous = normal; pragma foreign_keys = on');
  return new Kysely<Tables>({ dialect: new SqliteDialect({ database: asKyselyExpects(connection) }) });
}

/** Kysely expects the interface of better-sqlite3. This driver has the interface of node:sqlite. */
function asKyselyExpects(connection: DatabaseSyncInstance): SqliteDatabase {
  return {
    prepare(text) {
      const statement = connection.prepare(text);
      return {
        reader: statement.columns().length > 0,
        all: (values) => statement.all(...values),
        run: (values) => statement.run(...values),
        iterate: (values) => statement.iterate(...values),
      };
    },
    close: () => connection.close(),
  };
}
