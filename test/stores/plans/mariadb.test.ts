import { type CompiledQuery, sql } from 'kysely';
import { expect, test } from 'vitest';
import { openMariadb } from '../../../examples/3-sql-databases/databases/mariadb.js';
import type { Database } from '../../../examples/3-sql-databases/repository/tables.js';
import { describeWith } from '../../support/servers.js';
import { fillMariadb, PAGE, useBigTables, WALKS } from './big-tables.js';
import { explain, nodesWith, rowsRead } from './plan.js';
import { recordSqlRepository } from './recorded.js';
import { statementOfPage, statementsOfBatch } from './statements.js';

/** By the names that the repository gives them in its statements. */
const TABLES = new Map([
  ['i', 'process_instance'],
  ['t', 'task'],
  ['d', 'json_data'],
  ['m', 'process_instance_metadata'],
]);

describeWith(['MariaDB'], 'query plans on MariaDB', ({ MariaDB }) => {
  const opened = useBigTables(() => openMariadb(MariaDB), fillMariadb);

  test.each([PAGE, 10 * PAGE])('no statement of a batch of %i scans a table', async (limit) => {
    const statements = await statementsOfBatch(recordSqlRepository(opened()), limit);
    expect(statements.length).toBeGreaterThanOrEqual(6);
    for (const statement of statements) {
      const plan = await explain(opened().database, 'explain format=json', statement);
      const scanned = accessesIn(plan).filter(({ type }) => type === 'ALL' || type === 'index');
      expect(scanned).toEqual([]);
    }
  });

  test.each(WALKS)('a page of the model %s costs the same, wherever it begins', async (model, starts) => {
    const handled: number[] = [];
    for (const after of starts) {
      const statement = await statementOfPage(recordSqlRepository(opened()), model, after);
      const plan = await explain(opened().database, 'analyze format=json', statement);
      handled.push(await rowsHandled(opened().database, statement));
      const { process_instance, ...others } = rowsRead(accessesIn(plan));
      // Once in the index and once for the status; the index may be read a little ahead.
      expect(process_instance).toBeLessThan(2.3 * PAGE);
      expect(others).toEqual({ task: 6 * PAGE, json_data: PAGE, process_instance_metadata: PAGE });
    }
    expect(Math.max(...handled) / Math.min(...handled)).toBeLessThan(1.2);
  });
});

function accessesIn(plan: unknown) {
  return nodesWith(plan, 'access_type').flatMap((node) => {
    const table = TABLES.get(String(node.table_name));
    return table === undefined
      ? []
      : [{ table, type: node.access_type, rows: node.r_rows, loops: node.r_loops }];
  });
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
