import { repositoryConformance } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll, describe } from 'vitest';
import type { EmptyDatabase } from '../../examples/3-sql-databases/databases/empty-database.js';
import { openMariadb } from '../../examples/3-sql-databases/databases/mariadb.js';
import { openPglite } from '../../examples/3-sql-databases/databases/pglite.js';
import { openPostgres } from '../../examples/3-sql-databases/databases/postgres.js';
import { openSqlite } from '../../examples/3-sql-databases/databases/sqlite.js';
import { describeWith } from '../support/servers.js';
import { conformanceOf, LONG_MS, ONE_CONNECTION, SHORT_MS } from './fixtures/conformance-of.js';
import { kyselyFixture, NOT_OFFERED_BY_EXAMPLE_3 } from './fixtures/kysely-fixture.js';
import { leavesNothingBehind } from './fixtures/left-behind.js';

describe('the repository of example 3 on PGlite', () =>
  conformanceOn(openPglite, [...ONE_CONNECTION, 'writes during a read'], SHORT_MS));
describe('the repository of example 3 on SQLite', () =>
  conformanceOn(openSqlite, [...ONE_CONNECTION, 'writes during a read'], SHORT_MS));
describeWith(['PostgreSQL'], 'the repository of example 3 on PostgreSQL', ({ PostgreSQL }) =>
  conformanceOn(() => openPostgres(PostgreSQL)),
);
describeWith(['MariaDB'], 'the repository of example 3 on MariaDB', ({ MariaDB }) =>
  conformanceOn(() => openMariadb(MariaDB), ['settled']),
);

/** All cases use one database. */
function conformanceOn(
  open: () => Promise<EmptyDatabase>,
  notOffered: readonly string[] = [],
  patienceMs = LONG_MS,
): void {
  let opened: EmptyDatabase;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened?.close());

  conformanceOf(
    repositoryConformance(() => ({ ...kyselyFixture(opened), patienceMs })),
    [...NOT_OFFERED_BY_EXAMPLE_3, ...notOffered],
  );
  leavesNothingBehind(() => kyselyFixture(opened));
}
