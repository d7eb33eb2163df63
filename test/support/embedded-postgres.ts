import { readFile } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';

/** PostgreSQL inside this process, with the empty tables of example 1. */
export async function openEmbeddedPostgres(): Promise<PGlite> {
  const pglite = await PGlite.create();
  await pglite.exec(await readFile('examples/1-embedded-postgres/schema.sql', 'utf8'));
  return pglite;
}
