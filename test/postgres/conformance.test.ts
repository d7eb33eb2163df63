import { repositoryConformance } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith } from '../support/servers.js';
import { fromSql } from '../support/spiff-repository.js';
import { conformanceOf, LONG_MS, ONE_CONNECTION, SHORT_MS } from '../testing/fixtures/conformance-of.js';
import { bigIds } from './hosts/big-ids.js';
import { fixtureOf, type Host, withoutFunction } from './hosts/host.js';
import { HOSTS } from './hosts/hosts.js';
import { oneTable } from './hosts/one-table.js';
import { type OpenedDatabase, openPglite, openPostgres } from './hosts/open-database.js';

describe.each(HOSTS)('the repository over the tables of $title, on PGlite', (host) => {
  conformanceOn(host, openPglite, [...host.notOffered, ...ONE_CONNECTION], SHORT_MS);
});

describe.each([bigIds, oneTable])('the repository over $title, without the function, on PGlite', (host) => {
  conformanceOn(withoutFunction(host), openPglite, [...host.notOffered, ...ONE_CONNECTION], SHORT_MS);
});

describeWith(['PostgreSQL'], 'on PostgreSQL', ({ PostgreSQL: url }) => {
  const open = (schema: string) => openPostgres(url, schema);

  describe.each(HOSTS)('the repository over the tables of $title', (host) => {
    conformanceOn(host, open, host.notOffered, LONG_MS);
  });

  describe.each([bigIds, oneTable])('the repository over $title, without the function', (host) => {
    conformanceOn(withoutFunction(host), open, host.notOffered, LONG_MS);
  });
});

/** All cases use one database, which belongs to nobody else. */
function conformanceOn(
  host: Host,
  open: (schema: string) => Promise<OpenedDatabase>,
  notOffered: readonly string[],
  patienceMs: number,
): void {
  let opened: OpenedDatabase;
  beforeAll(async () => {
    opened = await open(host.schema);
  });
  afterAll(() => opened?.close());

  conformanceOf(
    repositoryConformance(() => ({ ...fixtureOf(host, opened.database), patienceMs })),
    notOffered,
  );

  test('is checked, and at most lacks the function', async () => {
    const warnings = await host.createRepository(fromSql(opened.database)).check();

    expect(warnings.filter((warning) => !warning.includes(host.isTrue.replaceAll('"', '')))).toEqual([]);
  });

  test('leaves no row behind', async () => {
    const tables = await opened.database.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname not in ('pg_catalog', 'information_schema')`,
    );
    const left: string[] = [];
    for (const { name } of tables) {
      const [row] = await opened.database.query<{ count: number }>(`select count(*)::int from ${name}`);
      if (row?.count !== 0) left.push(name);
    }
    expect(tables.length).toBeGreaterThan(1);
    expect(left).toEqual([]);
  });
}
