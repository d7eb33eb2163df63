import { inspect } from 'node:util';
import { Kysely, MysqlDialect, sql } from 'kysely';
import { createPool, type Pool } from 'mysql2';
import { runBackfill } from 'process-metadata-backfill';
import { afterEach, describe, expect, test } from 'vitest';
import { openMariadb, withSession } from '../../examples/3-sql-databases/databases/mariadb.js';
import { mariadb } from '../../examples/3-sql-databases/repository/dialects.js';
import { createSqlRepository } from '../../examples/3-sql-databases/repository/sql-repository.js';
import type { Database, Tables } from '../../examples/3-sql-databases/repository/tables.js';
import { MODEL } from '../support/instances.js';
import { describeWith } from '../support/servers.js';
import { completedTask, insertInstance, insertThree, kyselyTables, useTables } from '../support/tables.js';
import { afterSelect } from './after-select.js';
import { allCases } from './all-cases.js';
import { largeBatchCases } from './cases/large-batch-cases.js';
import { waitingCases } from './cases/waiting-cases.js';
import { ODD_TEXTS } from './odd-texts.js';
import { fill, path, read, readOne, storedValue, write } from './repository-calls.js';

describeWith(['MariaDB'], 'on MariaDB', ({ MariaDB: url }) => {
  const tables = useTables(() => kyselyTables(openMariadb(url)));
  allCases(tables);
  largeBatchCases(tables, 5);
  waitingCases(tables);

  describe('a row that a live instance inserts between the look and the insert', () => {
    test('is kept, the commit begins again', async () => {
      const host = tables();
      const [first, second] = await insertThree(host);
      let looks = 0;
      const database = afterSelect(host.database, 'process_instance_metadata', async () => {
        looks += 1;
        if (looks === 1) await host.setMetadata(second, 'city', 'live');
      });

      const { result, outcome } = await write({ repository: createSqlRepository(database, mariadb) }, [
        { id: first, values: [fill('city', 'Oslo')] },
        { id: second, values: [fill('city', 'Oslo')] },
      ]);

      expect(result).toEqual({ status: 'committed' });
      expect(looks).toBe(2);
      expect(outcome?.kept).toEqual([{ id: second, key: 'city' }]);
      expect(await host.metadata(first)).toEqual({ city: 'Oslo' });
      expect(await host.metadata(second)).toEqual({ city: 'live' });
    });

    test('again and again is a fault that passes', async () => {
      const host = tables();
      const ids = [...(await insertThree(host)), ...(await insertThree(host))];
      let looks = 0;
      const database = afterSelect(host.database, 'process_instance_metadata', async () => {
        const id = ids[looks];
        looks += 1;
        if (id !== undefined) await host.setMetadata(id, 'city', 'live');
      });
      const repository = createSqlRepository(database, mariadb);

      const error: unknown = await write(
        { repository },
        ids.map((id) => ({ id, values: [fill('city', 'Oslo')] })),
      ).catch((thrown: unknown) => thrown);

      expect(repository.classifyError?.(error)).toBe('transient');
      expect(looks).toBeGreaterThan(1);
      expect(await host.metadata(ids.at(-1) ?? 0)).toEqual({});
    });
  });

  test('a row cannot change between the look and the update', async () => {
    const host = tables();
    const id = await insertInstance(host);
    await host.setMetadata(id, 'city', 'Oslo');
    const replaces = storedValue(await readOne(host), 'city');
    let live: Promise<unknown> = Promise.resolve();
    const database = afterSelect(host.database, 'process_instance_metadata', async () => {
      live = host.setMetadata(id, 'city', 'live');
    });

    const { outcome } = await write({ repository: createSqlRepository(database, mariadb) }, [
      { id, values: [{ key: 'city', value: 'Bergen', replaces }] },
    ]).finally(() => live);

    expect(outcome?.kept).toEqual([]);
    expect(await host.metadata(id)).toEqual({ city: 'live' });
  });

  describe('a collation to which City and city are the same', () => {
    const collate = (collation: string) =>
      sql`alter table process_instance_metadata
        modify \`key\` varchar(255) character set utf8mb4 collate ${sql.id(collation)} not null`.execute(
        tables().database,
      );
    afterEach(() => collate('utf8mb4_bin'));

    test.each(['utf8mb4_general_ci', 'utf8mb4_unicode_ci', 'utf8mb4_bin'])(
      'refuses keys that it cannot tell apart, and takes others: %s',
      async (collation) => {
        const host = tables();
        await collate(collation);
        const repository = createSqlRepository(host.database, mariadb);
        const twins = ['city', collation === 'utf8mb4_bin' ? 'city ' : 'City'];

        await expect(read({ repository }, { paths: twins.map((key) => path(key)) })).rejects.toThrow(
          'Give the column "key" a binary collation.',
        );
        await expect(read({ repository }, { paths: [path('city'), path('town')] })).resolves.toEqual([]);
      },
    );

    test('fails an instance whose row under another key is in the way, and no other', async () => {
      const host = tables();
      await collate('utf8mb4_general_ci');
      const repository = createSqlRepository(host.database, mariadb);
      const [taken, free] = await insertThree(host);
      for (const id of [taken, free]) await host.addTask(id, completedTask({ city: 'Oslo' }));
      await host.setMetadata(taken, 'City', 'Bergen');

      const { failures, updated } = await runBackfill({
        repository,
        processModelId: MODEL,
        paths: [{ key: 'city', path: 'city' }],
      });

      expect(failures).toMatchObject([
        { instanceId: taken, reason: expect.stringContaining('the row under the key "City" is in the way') },
      ]);
      expect(updated).toBe(1);
      expect(await host.metadata(taken)).toEqual({ City: 'Bergen' });
      expect(await host.metadata(free)).toEqual({ city: 'Oslo' });
    });

    test('also refuses a row that came under such a key after the read', async () => {
      const host = tables();
      await collate('utf8mb4_general_ci');
      const id = await insertInstance(host);
      await host.setMetadata(id, 'City', 'Bergen');

      const failing = write({ repository: createSqlRepository(host.database, mariadb) }, [
        { id, values: [fill('city', 'Oslo')] },
      ]);

      await expect(failing).rejects.toThrow('the row under the key "City" is in the way');
    });
  });

  test('a batch whose values are more than the server takes in one statement is written all the same', async () => {
    const host = tables();
    const ids = Array.from({ length: 1000 }, (_, index) => index + 1);
    await host.database
      .insertInto('process_instance')
      .values(ids.map((id) => ({ id, process_model_identifier: MODEL, status: 'complete' })))
      .execute();
    const keys = Array.from({ length: 40 }, (_, index) => `key ${index}`);
    const value = '"'.repeat(255);
    const filled = await write(
      host,
      ids.map((id) => ({ id, values: keys.map((key) => fill(key, 'x'.repeat(255))) })),
    );
    const page = await read(host, { limit: 1000, paths: keys.map((key) => path(key)) });
    const replaced = await write(
      host,
      page.map((snapshot) => ({
        id: snapshot.id,
        values: keys.map((key) => ({ key, value, replaces: storedValue(snapshot, key) })),
      })),
      { expected: [], next: () => [] },
    );

    expect([filled.outcome, replaced.outcome]).toEqual([
      { gone: [], kept: [], moved: [] },
      { gone: [], kept: [], moved: [] },
    ]);
    const { count } = await host.database
      .selectFrom('process_instance_metadata')
      .select(({ fn }) => fn.countAll().as('count'))
      .where('value', '=', value)
      .executeTakeFirstOrThrow();
    expect(Number(count)).toBe(40_000);
  });

  test('a session that is not strict gets no empty text for what is missing, and nothing cut off', async () => {
    const host = tables();
    const [id] = await insertThree(host);
    await host.addTask(id, completedTask({ there: null, long: 'x'.repeat(300) }));
    const keys = ['there', 'missing', 'long'];

    const report = await host.database.connection().execute(async (connection) => {
      await sql`set sql_mode = ''`.execute(connection);
      const repository = createSqlRepository(connection, mariadb);
      const paths = keys.map((key) => ({ key, path: key }));
      return runBackfill({ repository, processModelId: MODEL, paths }).finally(() =>
        sql`set sql_mode = default`.execute(connection),
      );
    });

    expect(report.keys).toMatchObject({
      there: { null: 1 },
      missing: { missing: 3 },
      long: { written: 1, truncated: 1 },
    });
    expect(await host.metadata(id)).toEqual({ long: 'x'.repeat(255) });
  });

  test.each([
    ['case', 'Test/Model'],
    ['an accent', 'tést/model'],
    ['a blank at the end', 'test/model '],
  ])('a model whose id differs only in %s is another one', async (_, other) => {
    const host = tables();
    const processModelId = 'test/model';
    const insert = (model: string) =>
      insertInstance(host, { processModelId: model, tasks: [completedTask({ city: 'Oslo' })] });
    const own = await insert(processModelId);
    const foreign = await insert(other);
    const paths = [{ key: 'city', path: 'city' }];

    const { runId, processed } = await runBackfill({ repository: host.repository, processModelId, paths });

    expect(processed).toBe(1);
    expect(await host.metadata(own)).toEqual({ city: 'Oslo' });
    expect(await host.metadata(foreign)).toEqual({});
    const runsOf = (model: string) =>
      host.repository.findRuns({
        processModelId: model,
        activeKey: null,
        active: null,
        before: null,
        limit: 9,
      });
    expect((await runsOf(processModelId)).map((record) => record.runId)).toEqual([runId]);
    expect(await runsOf(other)).toEqual([]);
  });

  test('of tasks that ended together, the one whose id has the smaller bytes counts', async () => {
    const host = tables();
    const tasks = ['a', 'B'].map((city) => ({ ...completedTask({ city }), id: city }));
    await insertInstance(host, { tasks: tasks.map((one) => ({ ...one, endedAt: new Date(1000) })) });

    expect((await readOne(host)).data).toEqual({ form: 'json', text: '{"city":"B"}' });
  });

  describe('settings that change values', () => {
    const withSettings = async (
      setUp: (pool: Pool) => Pool,
      settings: string,
      work: (database: Database) => Promise<void>,
    ): Promise<void> => {
      const { rows } = await sql<{ name: string }>`select database() as name`.execute(tables().database);
      const pool = createPool({ uri: url, database: rows[0]?.name ?? '' });
      pool.on('connection', (connection) => connection.query(`set session ${settings}`)); // as the server might be set
      const database = new Kysely<Tables>({ dialect: new MysqlDialect({ pool: setUp(pool) }) });
      await work(database).finally(() => database.destroy());
    };
    const NO_ESCAPES = `sql_mode = concat(@@sql_mode, ',NO_BACKSLASH_ESCAPES')`;
    const SHORT_GROUPS = 'group_concat_max_len = 1024';

    test.each([
      [NO_ESCAPES, 'The sql_mode of the connection has NO_BACKSLASH_ESCAPES'],
      [SHORT_GROUPS, 'The group_concat_max_len of the connection is 1024'],
    ])('are refused with what to do: %s', async (settings, message) => {
      await withSettings(
        (pool) => pool,
        settings,
        async (database) => {
          const loading = createSqlRepository(database, mariadb).loadRun(`\\' or 1 = 1 -- `);
          await expect(loading).rejects.toThrow(message);
          await expect(loading).rejects.toThrow('Send SET_UP_SESSION on each new connection');
        },
      );
    });

    test('do no harm on connections that were set up', async () => {
      const host = tables();
      const values = [...ODD_TEXTS, `\\' or 1 = 1 -- `, ...Array<string>(9).fill('x'.repeat(250))];
      const keys = values.map((_, index) => `key ${index}`);
      const data = Object.fromEntries(values.map((value, index) => [keys[index], value]));
      const id = await insertInstance(host, { tasks: [completedTask(data)] });
      const paths = keys.map((key) => ({ key, path: key }));

      await withSettings(withSession, `${NO_ESCAPES}, ${SHORT_GROUPS}`, async (database) => {
        const repository = createSqlRepository(database, mariadb);
        const first = await runBackfill({ repository, processModelId: MODEL, paths });
        const rerun = await runBackfill({ repository, processModelId: MODEL, paths, mode: 'overwrite' });
        expect([first.updated, rerun.updated, rerun.failed]).toEqual([1, 0, 0]);
      });
      expect(await host.metadata(id)).toEqual(data);
    });
  });

  test('an error of the driver carries neither statement nor values', async () => {
    const host = tables();
    const id = await insertInstance(host);
    const values = [fill('city', 'do not tell'), fill('k'.repeat(256), 'do not tell')];

    const error: unknown = await write(host, [{ id, values }]).catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: 'ER_DATA_TOO_LONG' });
    expect(inspect(error, { depth: 9 })).not.toContain('do not tell');
  });
});
