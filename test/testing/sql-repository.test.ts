import { repositoryConformance } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll, describe } from 'vitest';
import type { EmptyDatabase } from '../../examples/3-sql-databases/databases/empty-database.js';
import { openMariadb } from '../../examples/3-sql-databases/databases/mariadb.js';
import { openPglite } from '../../examples/3-sql-databases/databases/pglite.js';
import { openPostgres } from '../../examples/3-sql-databases/databases/postgres.js';
import { openSqlite } from '../../examples/3-sql-databases/databases/sqlite.js';
import { describeWith } from '../support/servers.js';
import { conformanceOf } from './fixtures/conformance-of.js';
import { kyselyFixture } from './fixtures/kysely-fixture.js';

// With one connection, nobody can ask beside a transaction what is settled.
describe('the repository of example 3 on PGlite', () => conformanceOn(openPglite, ['settled']));
describe('the repository of example 3 on SQLite', () => conformanceOn(openSqlite, ['settled']));
describeWith(['PostgreSQL'], 'the repository of example 3 on PostgreSQL', ({ PostgreSQL }) =>
  conformanceOn(() => openPostgres(PostgreSQL)),
);
describeWith(['MariaDB'], 'the repository of example 3 on MariaDB', ({ MariaDB }) =>
  conformanceOn(() => openMariadb(MariaDB), ['settled']),
);

const NOT_OFFERED = [
  'chosen ids',
  'compareCursors',
  'deletes of null rows',
  'filled instances',
  'null rows',
  'projected values',
  'splitInstances',
];

/** All cases use one database. */
function conformanceOn(open: () => Promise<EmptyDatabase>, notOffered: readonly string[] = []): void {
  let opened: EmptyDatabase;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened?.close());

  conformanceOf(
    repositoryConformance(() => kyselyFixture(opened)),
    [...NOT_OFFERED, ...notOffered],
  );
}
