import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { sql } from 'kysely';
import type { Dialect } from '../repository/dialects.js';
import type { Database } from '../repository/tables.js';

/** A database with spiff-arena's tables, all of them empty. `close` drops it. */
export interface EmptyDatabase {
  readonly database: Database;
  readonly dialect: Dialect;
  close(): Promise<void>;
}

/** A name that no other process uses at the same time. */
export function temporaryName(): string {
  return `metadata_backfill_${randomBytes(6).toString('hex')}`;
}

export async function createTables(
  database: Database,
  schema: 'postgres' | 'mariadb' | 'sqlite',
): Promise<void> {
  const statements = await readFile(new URL(`schema/${schema}.sql`, import.meta.url), 'utf8');
  for (const statement of statements.split(/;\n/).filter((text) => text.trim() !== '')) {
    await sql.raw(statement).execute(database);
  }
}
