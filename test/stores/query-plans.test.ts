import { type CompiledQuery, sql } from 'kysely';
import type { InstanceWrites } from 'process-metadata-backfill';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EmptyDatabase } from '../../examples/2-sql-databases/databases/empty-database.js';
import { openMariadb } from '../../examples/2-sql-databases/databases/mariadb.js';
import { openPostgres } from '../../examples/2-sql-databases/databases/postgres.js';
import { openSqlite } from '../../examples/2-sql-databases/databases/sqlite.js';
import { createSqlRepository } from '../../examples/2-sql-databases/repository/sql-repository.js';
import type { Database } from '../../examples/2-sql-databases/repository/tables.js';
import { describeWith } from '../support/test-servers.js';
import { fillMariadb, fillPostgres, INSTANCES } from './big-tables.js';
import { explain, nodesWith, recorded } from './recorded.js';
import { fill, read, survey, write } from './repository-calls.js';

const TABLES = ['process_instance', 'task', 'json_data', 'process_instance_metadata'];
const PAGE = 500;
const MODELS = ['often', 'seldom'];
/** Where the pages begin that are compared: first, somewhere, last. */
const STARTS = [null, INSTANCES / 4, INSTANCES / 2, INSTANCES - 10 * PAGE];

describeWith('postgres', 'query plans on PostgreSQL', (url) => {
  const opened = useBigTables(() => openPostgres(url), fillPostgres);

  test('no statement of a batch scans a table', async () => {
    for (const statement of await statementsOfBatch(opened())) {
      const plan = await explain(opened().database, 'explain (format json)', statement);
      const scanned = nodesWith(plan, 'Relation Name')
        .filter((node) => node['Node Type'] === 'Seq Scan')
        .map((node) => node['Relation Name']);
      expect(scanned.filter((table) => TABLES.includes(String(table)))).toEqual([]);
    }
  });

  test.each(MODELS)('a page of the model %s costs the same, wherever it begins', async (model) => {
    const costs = [];
    for (const after of STARTS) {
      const statement = await statementOfPage(opened(), model, after);
      const plan = await explain(opened().database, 'explain (analyze, buffers, format json)', statement);
      const [top] = nodesWith(plan, 'Shared Hit Blocks');
      costs.push({
        rows: rowsRead(
          nodesWith(plan, 'Relation Name').map((node) => ({
            table: node['Relation Name'],
            rows: Number(node['Actual Rows']) + Number(node['Rows Removed by Filter'] ?? 0),
            loops: node['Actual Loops'],
          })),
        ),
        buffers: Number(top?.['Shared Hit Blocks']) + Number(top?.['Shared Read Blocks']),
      });
    }

    for (const { rows } of costs) {
      const { process_instance, ...others } = rows;
      expect(process_instance).toBeLessThan(1.2 * PAGE);
      expect(others).toEqual({ task: 6 * PAGE, json_data: PAGE, process_instance_metadata: 2 * PAGE });
    }
    const buffers = costs.map((cost) => cost.buffers);
    expect(Math.max(...buffers) / Math.min(...buffers)).toBeLessThan(1.2);
  });
});

describeWith('mariadb', 'query plans on MariaDB', (url) => {
  const opened = useBigTables(() => openMariadb(url), fillMariadb);
  const names: Record<string, string> = { i: 'process_instance', t: 'task', d: 'json_data' };
  const tableOf = (node: Record<string, unknown>) =>
    names[String(node.table_name)] ?? (node.table_name === 'm' ? 'process_instance_metadata' : null);

  test('no statement of a batch scans a table', async () => {
    for (const statement of await statementsOfBatch(opened())) {
      const plan = await explain(opened().database, 'explain format=json', statement);
      const accesses = nodesWith(plan, 'access_type').filter((node) => tableOf(node) !== null);
      expect(accesses.filter(({ access_type }) => access_type === 'ALL' || access_type === 'index')).toEqual(
        [],
      );
    }
  });

  test.each(MODELS)('a page of the model %s costs the same, wherever it begins', async (model) => {
    const costs = [];
    for (const after of STARTS) {
      const statement = await statementOfPage(opened(), model, after);
      const plan = await explain(opened().database, 'analyze format=json', statement);
      const accesses = nodesWith(plan, 'access_type').filter((node) => tableOf(node) !== null);
      costs.push({
        rows: rowsRead(
          accesses.map((node) => ({ table: tableOf(node), rows: node.r_rows, loops: node.r_loops })),
        ),
        handled: await rowsHandled(opened().database, statement),
      });
    }

    for (const { rows } of costs) {
      const { process_instance, ...others } = rows;
      expect(process_instance).toBeLessThan(1.3 * PAGE);
      expect(others).toEqual({ task: 6 * PAGE, json_data: PAGE, process_instance_metadata: 2 * PAGE });
    }
    const handled = costs.map((cost) => cost.handled);
    expect(Math.max(...handled) / Math.min(...handled)).toBeLessThan(1.2);
  });
});

describe('query plans on SQLite', () => {
  const opened = useBigTables(openSqlite, insertOne);

  test('no statement of a batch scans a table', async () => {
    const plans: string[] = [];
    for (const statement of await statementsOfBatch(opened())) {
      const query = { ...statement, sql: `explain query plan ${statement.sql}` };
      const { rows } = await opened().database.executeQuery(query);
      plans.push(...rows.map((step) => String((step as { detail: unknown }).detail)));
    }

    expect(plans.filter((step) => /^SCAN [itdm]\b/.test(step))).toEqual([]);
    expect(plans).toContainEqual(expect.stringMatching(/^SEARCH i .*process_instance_model_id/));
    expect(plans).toContainEqual(expect.stringMatching(/^SEARCH t .*task_process_instance_id/));
  });
});

/** SQLite plans by the indexes that there are, not by the rows. */
async function insertOne(database: Database): Promise<void> {
  const id = INSTANCES / 2 + 1;
  await database
    .insertInto('process_instance')
    .values({ id, process_model_identifier: 'often', status: 'complete' })
    .execute();
  const task = { guid: 'task', process_instance_id: id, json_data_hash: `newest ${id}` };
  await database
    .insertInto('task')
    .values({ ...task, state: 'COMPLETED', end_in_seconds: 1 })
    .execute();
}

/** Filled once for the suite that calls it. */
function useBigTables(open: () => Promise<EmptyDatabase>, fillTables: (database: Database) => Promise<void>) {
  let opened: EmptyDatabase | undefined;
  beforeAll(async () => {
    opened = await open();
    await fillTables(opened.database);
  }, 180_000);
  afterAll(() => opened?.close());
  return () => {
    if (opened === undefined) throw new Error('the tables are not there');
    return opened;
  };
}

/** All that the repository sends for one page in the middle of a run, its commit, and the end of the walk. */
async function statementsOfBatch({ database, dialect }: EmptyDatabase): Promise<CompiledQuery[]> {
  const log = recorded(database);
  const host = { repository: createSqlRepository(log.database, dialect) };
  const processModelId = 'often';
  const after = INSTANCES / 2;
  await survey(host, { processModelId, after: INSTANCES - 1000 });
  const page = await read(host, { processModelId, after, limit: PAGE });
  const writes = page.map(({ id, stored }): InstanceWrites<number> => {
    const city = stored.get('city');
    const replaced = city === undefined ? [] : [{ key: 'city', value: 'Oslo', replaces: city }];
    return { id, values: [fill('invoice_number', 'INV-1'), ...replaced], version: `newest ${id}` };
  });
  const exhausted = { processModelId, instanceIds: null, after: INSTANCES, upTo: INSTANCES };
  // Rolled back, so that the tables stay as they are: null is no revision.
  const undone = write(host, writes, { exhausted, next: () => [{} as never] });
  await expect(undone).rejects.toThrow();
  return log.statements.filter((statement) =>
    /^\s*(select|with|insert into "?process|update)/.test(statement.sql),
  );
}

async function statementOfPage(
  { database, dialect }: EmptyDatabase,
  processModelId: string,
  after: number | null,
): Promise<CompiledQuery> {
  const log = recorded(database);
  const host = { repository: createSqlRepository(log.database, dialect) };
  const page = await read(host, { processModelId, after, limit: PAGE });
  expect(page).toHaveLength(PAGE);
  const statement = log.statements.at(-1);
  if (statement === undefined) throw new Error('expected a statement');
  return statement;
}

/** By table. */
function rowsRead(accesses: readonly { table: unknown; rows: unknown; loops: unknown }[]) {
  const rows: Record<string, number> = {};
  for (const access of accesses) {
    const table = String(access.table);
    rows[table] = (rows[table] ?? 0) + Number(access.rows) * Number(access.loops);
  }
  return rows;
}

/** Rows and index entries that the storage engine looked at: the plan does not tell those that it skipped itself. */
function rowsHandled(database: Database, statement: CompiledQuery): Promise<number> {
  return database.connection().execute(async (connection) => {
    await sql`flush status`.execute(connection);
    await connection.executeQuery(statement);
    const { rows } = await sql<{ Value: string }>`
      show session status where variable_name like 'Handler_read%' or variable_name = 'Handler_icp_attempts'`.execute(
      connection,
    );
    return rows.reduce((sum, { Value }) => sum + Number(Value), 0);
  });
}
