import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { createConnection } from 'mysql2/promise';
import { expect, test } from 'vitest';
import { openMariadb } from '../../examples/3-sql-databases/databases/mariadb.js';
import { createSqlRepository } from '../../examples/3-sql-databases/repository/sql-repository.js';
import { runBackfill } from '../../src/index.js';
import { MODEL } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { describeWith } from '../support/servers.js';
import { eventually } from './support/eventually.js';

const INSTANCES = 40;

describeWith(['MariaDB'], 'a deadlock that MariaDB really finds', ({ MariaDB: url }) => {
  test('has the batch committed again', async (context) => {
    const { database, dialect, close } = await openMariadb(url);
    context.onTestFinished(close);
    const { name } = (await sql<{ name: string }>`select database() as name`.execute(database)).rows[0] ?? {};
    const live = await createConnection({ uri: url, database: name as string });
    context.onTestFinished(() => live.end());
    const ids = Array.from({ length: INSTANCES }, (_, index) => index + 1);
    await live.query('insert into process_instance (id, process_model_identifier, status) values ?', [
      ids.map((id) => [id, MODEL, 'complete']),
    ]);
    await live.query('insert into json_data (hash, data) values ?', [
      ids.map((id) => [`hash ${id}`, JSON.stringify({ number: id })]),
    ]);
    await live.query(
      'insert into task (guid, process_instance_id, state, json_data_hash, end_in_seconds) values ?',
      [ids.map((id) => [`task ${id}`, id, 'COMPLETED', `hash ${id}`, 1])],
    );
    const codes: unknown[] = [];
    const repository = intercept(createSqlRepository(database, dialect), async ({ proceed }) =>
      proceed().catch((error: { readonly code?: unknown }) => {
        codes.push(error.code);
        throw error;
      }),
    );

    // A live transaction that has written more than a batch has: MariaDB undoes the lighter one.
    await live.query('begin');
    await live.query('update process_instance set status = ? where id between 15 and 20', ['error']);
    await live.query(`insert into json_data (hash, data) select concat('more ', hash), data from json_data`);
    const running = runBackfill({
      repository,
      processModelId: MODEL,
      paths: [{ key: 'number', path: 'number' }],
      batchSize: 10,
    });
    await eventually(async () => {
      await setTimeout(200); // the table shows the same again when it is read more often than ten times a second
      const [waiting] =
        await live.query(`select * from information_schema.innodb_trx where trx_state = 'LOCK WAIT'
        and trx_mysql_thread_id in (select id from information_schema.processlist where db = database())`);
      return (waiting as unknown[]).length > 0;
    });
    await live.query('update process_instance set status = ? where id = 12', ['error']);
    await live.query('commit');
    const report = await running;

    expect(codes).toEqual(['ER_LOCK_DEADLOCK']);
    expect(report).toMatchObject({
      state: 'completed',
      total: INSTANCES,
      processed: INSTANCES,
      updated: INSTANCES,
    });
    const [rows] = await live.query(
      'select process_instance_id as id, value from process_instance_metadata order by id',
    );
    expect(rows).toEqual(ids.map((id) => ({ id, value: String(id) })));
  });
});
