import type { PGlite } from '@electric-sql/pglite';
import { pgliteDatabase, type Sql } from '../../examples/2-embedded-postgres/sql.js';
import { postgresFixture } from '../testing/fixtures/postgres-fixture.js';
import type { TablesFixture } from '../testing/fixtures/tables-fixture.js';
import { createPglite } from './pglite.js';
import { spiffTables } from './spiff-repository.js';

/** PostgreSQL inside this process, with the empty tables of example 2. */
export async function openEmbeddedPostgres(): Promise<PGlite> {
  const pglite = await createPglite();
  await pglite.exec(await spiffTables());
  return pglite;
}

/** The same, with the repository of example 2 and a live system around it. */
export async function embeddedTables(): Promise<TablesFixture<Sql> & { readonly pglite: PGlite }> {
  const pglite = await openEmbeddedPostgres();
  return { ...postgresFixture(pgliteDatabase(pglite)), pglite, close: () => pglite.close() };
}
