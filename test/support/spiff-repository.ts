import { readFile } from 'node:fs/promises';
import {
  createRunTable,
  type PostgresDatabase,
  type PostgresRepository,
} from 'process-metadata-backfill/postgres';
import { createRepository } from '../../examples/2-embedded-postgres/repository.js';
import type { Sql, SqlDatabase } from '../../examples/2-embedded-postgres/sql.js';

/** The repository of example 2, over a connection that a test may have wrapped. */
export function createPostgresRepository(
  database: SqlDatabase,
  { taskData = 'text' }: { readonly taskData?: 'text' | 'json' | 'jsonb' } = {},
): PostgresRepository<Sql> {
  return createRepository(fromSql(database), taskData);
}

/** The connection of a test as that of a repository. */
export function fromSql(database: SqlDatabase): PostgresDatabase<Sql> {
  return { query: database.query, transaction: database.transaction, within: (sql) => sql };
}

/** The statements that create the tables of example 2 and the table of runs. */
export async function spiffTables(): Promise<string> {
  return `${await readFile('examples/2-embedded-postgres/schema.sql', 'utf8')};\n${createRunTable()};\n`;
}
