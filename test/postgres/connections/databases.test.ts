import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { PostgresConnection } from '../../../src/postgres/database.js';
import { createRunTable } from '../../../src/postgres/run-table/create-run-table.js';
import { errorsWithin } from '../../../src/run/calls/wrapped-errors.js';
import { createOwnDatabase } from '../../support/own-database.js';
import { describeWith } from '../../support/servers.js';
import { ALL_DATABASES } from './databases/all-databases.js';
import type { OpenDatabase } from './databases/open-database.js';

for (const { name, servers, open, reads, checksCommit, lateErrors } of ALL_DATABASES) {
  describeWith(servers, name, ({ PostgreSQL: serverUrl }) => {
    const hasServer = servers.length > 0;
    let own: { readonly url: string; drop(): Promise<void> };
    let admin: pg.Client;
    let host: OpenDatabase;
    beforeAll(async () => {
      if (hasServer) {
        own = await createOwnDatabase(serverUrl);
        admin = new pg.Client({ connectionString: serverUrl });
        await admin.connect();
        const { pathname } = new URL(own.url);
        await admin.query(
          `alter database ${pathname.slice(1)} set default_transaction_isolation = 'serializable'`,
        );
      }
      host = await open(own?.url ?? '');
      await query('create table item (id int primary key, name text)');
    });
    afterAll(async () => {
      await host?.close();
      await admin?.end();
      await own?.drop();
    });
    beforeEach(() => query('delete from item'));

    const query = (text: string, values: readonly (string | null)[] = []) =>
      host.database.query(text, values);
    const insertItem = ({ query }: PostgresConnection, id: number) =>
      query('insert into item (id, name) values ($1::text::int, $2::text) returning id, name', [
        String(id),
        `item ${id}`,
      ]);
    const items = () => query('select id from item order by id');

    test.each<[string, string | null]>([
      ['an empty text', ''],
      ['a blank text', ' \t\n'],
      ['quotes', `it's "quoted" $1 $$ ? ?? \\? :name`],
      ['backslashes', '\\ \\\\ \\n \\u0041 \\x41'],
      ['characters of four bytes', 'é \u{1F600} \u{10FFFF} \u200D'],
      ['a megabyte', `${'0123456789abcde\u00e9'.repeat(65_536)}!`],
      ['an integer beyond 2^53', '9007199254740993'],
      ['a number in scientific notation', '1e3'],
      ['a date', '2024-02-29T12:00:00.123456Z'],
      ['a truth value', 'true'],
      ['JSON', '{"a": [1, 2.50, null], "b": "\\u0000"}'],
      ['the word null', 'null'],
      ['an array literal', '{1,2}'],
      ['null', null],
    ])('sends and returns %s as it is', async (_, text) => {
      expect(await query('select $1::text as text, $1::text is null as absent', [text])).toEqual([
        { text, absent: text === null },
      ]);
    });

    test('sends array literals as lists', async () => {
      const list = await query(
        'select id from unnest((select $1::text::int[])) with ordinality as t (id, n)',
        ['{2,1}'],
      );
      expect(list).toEqual([{ id: 2 }, { id: 1 }]);
      const texts = await query('select item from unnest((select $1::text::text[])) item', [
        '{"a,\\"b\\"",NULL,""}',
      ]);
      expect(texts).toEqual([{ item: 'a,"b"' }, { item: null }, { item: '' }]);
    });

    test('sends parameters by number, in any order, several times, and more than nine', async () => {
      const values = Array.from({ length: 11 }, (_, index) => `value ${index + 1}`);
      const all = `concat_ws(',', ${values.map((_, index) => `$${index + 1}::text`).join(', ')})`;
      expect(
        await query(
          `select $11::text as last, $1::text as first, $11::text as again, ${all} as whole`,
          values,
        ),
      ).toEqual([{ last: 'value 11', first: 'value 1', again: 'value 11', whole: values.join(',') }]);
    });

    test('takes question marks in a statement for themselves', async () => {
      expect(await query(`select '?' as mark, '??' as two, $1::text as text`, ['a'])).toEqual([
        { mark: '?', two: '??', text: 'a' },
      ]);
    });

    test('sends the statement that creates the table of runs', async () => {
      await query(createRunTable('runs of ? and :name'));
      const created = 'select to_regclass($1::text) is not null as created';
      expect(await query(created, ['"runs of ? and :name"'])).toEqual([{ created: true }]);
    });

    test('returns booleans, texts and integers of 32 bits, or null', async () => {
      const rows = await query(
        `select true as yes, false as no, '1'::text as text, '2'::varchar as varchar, '3'::varchar(9) as short,
           2147483647::int4 as most, (-2147483648)::int4 as least, 0::int4 as zero,
           null::bool as nobool, null::text as notext, null::varchar as novarchar, null::int4 as noint`,
      );
      expect(rows).toEqual([
        {
          yes: true,
          no: false,
          text: '1',
          varchar: '2',
          short: '3',
          most: 2147483647,
          least: -2147483648,
          zero: 0,
          nobool: null,
          notext: null,
          novarchar: null,
          noint: null,
        },
      ]);
    });

    test(
      reads ? 'reads each text as it arrives, and nothing else' : 'leaves out what reads texts',
      async () => {
        const statement = `select item::text as text, null::text as absent, item::varchar as varchar,
        item::int4 as int, item = 1 as bool from generate_series(1, 2) item`;
        const read = (text: string) => ({ read: text });
        const row = (item: number) => ({
          text: reads ? { read: String(item) } : String(item),
          absent: null,
          varchar: String(item),
          int: item,
          bool: item === 1,
        });
        expect(await host.database.query(statement, [], read)).toEqual([row(1), row(2)]);
        await host.database.transaction(async (connection) => {
          expect(await connection.query(statement, [], read)).toEqual([row(1), row(2)]);
        });
        expect(await query("select 'a'::text as text")).toEqual([{ text: 'a' }]);
      },
    );

    test('returns the rows of each kind of statement, and none of those without rows', async () => {
      expect(await insertItem(host.database, 1)).toEqual([{ id: 1, name: 'item 1' }]);
      expect(await query("update item set name = 'b'")).toEqual([]);
      expect(await query("update item set name = 'c' returning name")).toEqual([{ name: 'c' }]);
      expect(await query("update item set name = 'd' where false returning name")).toEqual([]);
      const nested = "with changed as (update item set name = 'e' returning id) select id from changed";
      expect(await query(nested)).toEqual([{ id: 1 }]);
      const outer = "with two as (select 1 as id) update item set name = 'f' from two where two.id = item.id";
      expect(await query(outer)).toEqual([]);
      expect(await query(`${outer} returning name`)).toEqual([{ name: 'f' }]);
      expect(await query('delete from item returning id')).toEqual([{ id: 1 }]);
      expect(await query('delete from item')).toEqual([]);
      expect(await query('select id from item')).toEqual([]);
    });

    test('sends a statement at once, even if nobody waits for it yet', async () => {
      const inserting = insertItem(host.database, 1);
      while ((await items()).length === 0) await setTimeout(10);
      expect(await inserting).toEqual([{ id: 1, name: 'item 1' }]);
    });

    test('commits when the work resolves, and returns its result', async () => {
      const result = await host.database.transaction(async (connection) => {
        await insertItem(connection, 1);
        return insertItem(connection, 2);
      });
      expect(result).toEqual([{ id: 2, name: 'item 2' }]);
      expect(await items()).toEqual([{ id: 1 }, { id: 2 }]);
    });

    test('rolls back when the work rejects, with the same error', async () => {
      const error = new Error('of the work');
      const transaction = host.database.transaction(async (connection) => {
        await insertItem(connection, 1);
        throw error;
      });
      await expect(transaction).rejects.toBe(error);
      expect(await items()).toEqual([]);
    });

    test('begins at READ COMMITTED, whatever the default of the database is', async () => {
      const isolation = "select current_setting('transaction_isolation') as level";
      expect(await query(isolation)).toEqual([{ level: 'serializable' }]);
      expect(await host.database.transaction((connection) => connection.query(isolation, []))).toEqual([
        { level: 'read committed' },
      ]);
      expect(await query(isolation)).toEqual([{ level: 'serializable' }]);
    });

    test('rejects with an error that has the SQLSTATE, and rolls back', async () => {
      await insertItem(host.database, 1);
      expect(await codesOf(insertItem(host.database, 1))).toContain('23505');
      const transaction = host.database.transaction(async (connection) => {
        await insertItem(connection, 2);
        await insertItem(connection, 1);
      });
      expect(await codesOf(transaction)).toContain('23505');
      expect(await codesOf(query('select $1::text::int', ['x']))).toContain('22P02');
      expect(await items()).toEqual([{ id: 1 }]);
    });

    if (checksCommit)
      test('rejects a COMMIT that is answered with ROLLBACK', async () => {
        const transaction = host.database.transaction(async (connection: PostgresConnection) => {
          await insertItem(connection, 1);
          expect(await codesOf(connection.query('select 1 / $1::text::int', ['0']))).toContain('22012');
          return 'resolved';
        });
        await expect(transaction).rejects.toThrow();
        expect(await items()).toEqual([]);
        await host.database.transaction((connection) => insertItem(connection, 2));
        expect(await items()).toEqual([{ id: 2 }]);
      });

    test('is part of a transaction of the host', async () => {
      await host.hostTransaction(async (connection) => {
        await insertItem(connection, 1);
        expect(await connection.query('select id from item', [])).toEqual([{ id: 1 }]);
      });
      const error = new Error('of the host');
      const undone = host.hostTransaction(async (connection) => {
        await insertItem(connection, 2);
        throw error;
      });
      await expect(undone).rejects.toBe(error);
      expect(await items()).toEqual([{ id: 1 }]);
    });

    if (hasServer) {
      test('rejects a statement whose connection is lost, and goes on with another one', async () => {
        const sleeping = query('select pg_sleep(600)::text as sleep');
        sleeping.catch(() => {}); // it is awaited later
        await terminate(await sleepingBackend());
        await expect(sleeping).rejects.toThrow();
        await expectToGoOn();
      });

      test('outlives the loss of all connections while they are idle', async () => {
        await Promise.all([1, 2, 3].map(() => query('select pg_sleep(0.1)::text as sleep')));
        await admin.query(`select pg_terminate_backend(pid, 60000) ${OF_OWN}`, [ownName()]);
        await setTimeout(100); // until this process has read about it
        await expectToGoOn();
      });

      test('rejects a transaction whose connection is lost during a statement', async () => {
        const transaction = host.database.transaction(async (connection) => {
          await insertItem(connection, 1);
          await connection.query('select pg_sleep(600)::text as sleep', []);
        });
        transaction.catch(() => {}); // it is awaited later
        await terminate(await sleepingBackend());
        await expect(transaction).rejects.toThrow();
        await expectToGoOn();
        expect(await items()).toEqual([]);
      });

      test.each([
        ['and sends none of its statements elsewhere', 100] as const,
        ['even if nobody has noticed yet', 0] as const,
      ])('rejects a transaction whose connection is lost between statements, %s', async (_, pauseMs) => {
        const outcomes: string[] = [];
        const transaction = host.database.transaction(async (connection) => {
          await insertItem(connection, 1);
          const [row] = await connection.query('select pg_backend_pid() as pid', []);
          await terminate((row as { pid: number }).pid);
          if (pauseMs > 0) await setTimeout(pauseMs);
          for (const id of [2, 3])
            await insertItem(connection, id).then(
              () => outcomes.push('sent'),
              () => outcomes.push('rejected'),
            );
          if (pauseMs > 0) await Promise.allSettled([1, 2, 3].map(() => query('select 1 as one'))); // all connect
          await insertItem(connection, 4).catch(() => outcomes.push('rejected'));
          return 'resolved';
        });
        await expect(transaction).rejects.toThrow();
        expect(outcomes).toEqual(['rejected', 'rejected', 'rejected']);
        await expectToGoOn();
        expect(await items()).toEqual([]);
      });
    }

    async function expectToGoOn(): Promise<void> {
      const isAnswered = (): Promise<boolean> =>
        query('select 1 as one').then(
          () => true,
          () => false,
        );
      let tries = 1;
      while (tries <= lateErrors && !(await isAnswered())) tries += 1;
      expect(await query('select 1 as one')).toEqual([{ one: 1 }]);
      if (lateErrors === 0) return;
      await host.close(); // its other connections may have an error in store, too
      host = await open(own.url);
    }

    const ownName = () => new URL(own.url).pathname.slice(1);

    async function sleepingBackend(): Promise<number> {
      for (;;) {
        const { rows } = await admin.query<{ pid: number }>(
          `select pid ${OF_OWN} and wait_event = 'PgSleep'`,
          [ownName()],
        );
        if (rows[0] !== undefined) return rows[0].pid;
        await setTimeout(10);
      }
    }

    async function terminate(pid: number): Promise<void> {
      await admin.query('select pg_terminate_backend($1, 60000)', [pid]); // waits until it is gone
    }
  });
}

const OF_OWN = 'from pg_stat_activity where datname = $1';

async function codesOf(failing: Promise<unknown>): Promise<unknown[]> {
  const error = await failing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return errorsWithin(error).flatMap((one) => [Reflect.get(one, 'code'), Reflect.get(one, 'originalCode')]);
}
