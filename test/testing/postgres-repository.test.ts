import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { repositoryConformance } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll, describe } from 'vitest';
import { pgliteDatabase, type SqlDatabase } from '../../examples/2-embedded-postgres/sql.js';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';
import { createPglite } from '../support/pglite.js';
import { describeWith } from '../support/servers.js';
import { spiffTables } from '../support/spiff-repository.js';
import { conformanceOf, LONG_MS, ONE_CONNECTION, SHORT_MS } from './fixtures/conformance-of.js';
import { leavesNothingBehind } from './fixtures/left-behind.js';
import { NOT_OFFERED_BY_EXAMPLE_2, postgresFixture } from './fixtures/postgres-fixture.js';

const schemaSql = await spiffTables();

const COLUMN_TYPES = ['text', 'json', 'jsonb'] as const;

interface OpenedDatabase {
  readonly database: SqlDatabase;
  close(): Promise<unknown>;
}

describe('the repository of example 2 on PGlite', () => {
  conformanceOn(
    'text',
    async () => {
      const pglite = await createPglite();
      await pglite.exec(schemaSql);
      return { database: pgliteDatabase(pglite), close: () => pglite.close() };
    },
    ONE_CONNECTION,
    SHORT_MS,
  );
});

describeWith(['PostgreSQL'], 'the repository of example 2 on PostgreSQL', ({ PostgreSQL: url }) => {
  describe.each(COLUMN_TYPES)('with task data as %s', (type) => {
    conformanceOn(type, async () => {
      const schema = `conformance_${randomBytes(6).toString('hex')}`;
      const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}` });
      await pool.query(`create schema ${schema}; ${schemaSql};
        alter table json_data alter column data type ${type} using data::${type}`);
      return {
        database: pgDatabase(pool),
        async close() {
          await pool.query(`drop schema ${schema} cascade`);
          await pool.end();
        },
      };
    });
  });
});

/** All cases use one database. */
function conformanceOn(
  type: (typeof COLUMN_TYPES)[number],
  open: () => Promise<OpenedDatabase>,
  notOffered: readonly string[] = [],
  patienceMs = LONG_MS,
): void {
  let opened: OpenedDatabase;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened?.close());

  conformanceOf(
    repositoryConformance(() => ({ ...postgresFixture(opened.database, type), patienceMs })),
    [...NOT_OFFERED_BY_EXAMPLE_2, ...notOffered],
  );
  leavesNothingBehind(() => postgresFixture(opened.database, type));
}
