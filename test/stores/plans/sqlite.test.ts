import { describe, expect, test } from 'vitest';
import { openSqlite } from '../../../examples/3-sql-databases/databases/sqlite.js';
import type { Database } from '../../../examples/3-sql-databases/repository/tables.js';
import { INSTANCES, PAGE, useBigTables } from './big-tables.js';
import { recordSqlRepository } from './recorded.js';
import { statementsOfBatch } from './statements.js';

describe('query plans on SQLite', () => {
  const opened = useBigTables(openSqlite, insertSome);

  test('no statement of a batch scans a table', async () => {
    const plans: string[] = [];
    for (const statement of await statementsOfBatch(recordSqlRepository(opened()), PAGE)) {
      const query = { ...statement, sql: `explain query plan ${statement.sql}` };
      const { rows } = await opened().database.executeQuery(query);
      plans.push(...rows.map((step) => String((step as { detail: unknown }).detail)));
    }

    // A subquery, which is all that may be scanned, is named by another letter than a table.
    expect(plans.filter((step) => /^SCAN [itdm]\b/.test(step))).toEqual([]);
    for (const search of [
      /^SEARCH i USING COVERING INDEX process_instance_model_id/,
      /^SEARCH i USING INTEGER PRIMARY KEY/,
      /^SEARCH t .*task_process_instance_id/,
      /^SEARCH d /,
      /^SEARCH m /,
    ]) {
      expect(plans).toContainEqual(expect.stringMatching(search));
    }
  });
});

/** One instance in the middle and the last one: SQLite plans by the indexes that there are, not by the rows. */
async function insertSome(database: Database): Promise<void> {
  for (const id of [INSTANCES / 2 + 1, INSTANCES]) {
    await database
      .insertInto('process_instance')
      .values({ id, process_model_identifier: 'often', status: 'waiting' })
      .execute();
    const task = { guid: `task ${id}`, process_instance_id: id, json_data_hash: `newest ${id}` };
    await database
      .insertInto('task')
      .values({ ...task, state: 'COMPLETED', end_in_seconds: 1 })
      .execute();
  }
}
