import type { PostgresConnection } from 'process-metadata-backfill/postgres';
import { type RepositoryFixture, repositoryConformance } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Sql, SqlDatabase } from '../../examples/2-embedded-postgres/sql.js';
import { createOwnDatabase } from '../support/own-database.js';
import { describeWith } from '../support/servers.js';
import { fromSql } from '../support/spiff-repository.js';
import { conformanceOf, LONG_MS, ONE_CONNECTION, SHORT_MS } from '../testing/fixtures/conformance-of.js';
import { ALL_DATABASES, type DatabaseCase } from './connections/databases/all-databases.js';
import type { OpenDatabase } from './connections/databases/open-database.js';
import { bigIds } from './hosts/big-ids.js';
import { fixtureOf } from './hosts/host.js';

describe('the repository', () => {
  for (const one of ALL_DATABASES) {
    describeWith(one.servers, `over ${one.name}`, ({ PostgreSQL: url }) => conformanceOver(one, url));
  }
});

/** All cases use one database, which belongs to nobody else. */
function conformanceOver({ servers, open }: DatabaseCase, serverUrl: string): void {
  const hasServer = servers.length > 0;
  let own: { readonly url: string; drop(): Promise<void> } | undefined;
  let opened: OpenDatabase;
  beforeAll(async () => {
    if (hasServer) own = await createOwnDatabase(serverUrl);
    opened = await open(own?.url ?? '');
    await opened.database.query(asOneStatement(bigIds.schema), []);
  });
  afterAll(async () => {
    await opened?.close();
    await own?.drop();
  });

  conformanceOf(
    repositoryConformance(() => fixtureOver(opened, hasServer ? LONG_MS : SHORT_MS)),
    [...bigIds.notOffered, ...(hasServer ? [] : ONE_CONNECTION)],
  );

  test('is checked', async () => {
    const warnings = await bigIds.createRepository(fromSql(databaseOf(opened))).check();

    expect(warnings).toEqual(hasServer ? [] : [expect.stringContaining('are at SERIALIZABLE')]);
  });
}

/** The host writes through the same connection, and its transactions are those of its own library. */
function fixtureOver(opened: OpenDatabase, patienceMs: number): RepositoryFixture<Sql, string> {
  return {
    ...fixtureOf(bigIds, databaseOf(opened)),
    patienceMs,
    transaction: (work) => opened.hostTransaction((connection) => work(sqlOn(connection))),
  };
}

function databaseOf({ database }: OpenDatabase): SqlDatabase {
  return {
    ...sqlOn(database),
    transaction: (work) => database.transaction((connection) => work(sqlOn(connection))),
  };
}

function sqlOn({ query }: PostgresConnection): Sql {
  return {
    query: async (text, values = [], read) => (await query(text, values.map(parameter), read)) as never,
  };
}

/** Connections send one statement at a time. */
function asOneStatement(schema: string): string {
  return `do $host$ begin execute $schema$ ${schema} $schema$; end $host$`;
}

/** What a connection takes. */
function parameter(value: unknown): string | null {
  if (value instanceof Date) return value.toISOString();
  return value === null ? null : String(value);
}
