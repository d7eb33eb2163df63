import { Pool } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromPg } from '../../../src/postgres/connections/from-pg.js';
import { statementNames } from '../../../src/postgres/connections/statement-names.js';
import { createPostgresRepository } from '../../../src/postgres/create-postgres-repository.js';
import type { PostgresConnection, PostgresDatabase } from '../../../src/postgres/database.js';
import { startTcpProxy } from '../../faults/support/tcp-proxy.js';
import { createOwnDatabase } from '../../support/own-database.js';
import { describeWith } from '../../support/servers.js';
import { openPg } from './databases/pg.js';
import { openPostgresJs } from './databases/postgres-js.js';

// Behind PgBouncer in transaction mode, the next statement may run on another connection, which does not know the name.
describeWith(['PostgreSQL'], 'on a server', ({ PostgreSQL: url }) => {
  let own: Awaited<ReturnType<typeof createOwnDatabase>>;
  beforeAll(async () => {
    own = await createOwnDatabase(url);
  });
  afterAll(() => own.drop());

  /** What is prepared while `work` uses a pool. */
  async function preparedWith(
    open: typeof openPg | typeof openPostgresJs,
    work: (database: PostgresDatabase<never>) => Promise<unknown>,
  ) {
    const sent = new Map<object, Buffer[]>();
    const proxy = await startTcpProxy(url, (chunk, wire) => {
      sent.set(wire.client, [...(sent.get(wire.client) ?? []), chunk]);
      wire.forward(chunk);
    });
    const { database, close } = await open(proxy.url);
    await work(database as PostgresDatabase<never>);
    await close();
    await proxy.close();
    const prepared = [...sent.values()].flatMap((chunks) => preparedStatements(Buffer.concat(chunks)));
    return prepared.filter(({ text }) => text === TEXT);
  }

  /** Sends the statement so often, one after another. */
  async function send({ query }: PostgresConnection, times: number): Promise<void> {
    for (let time = 1; time <= times; time += 1)
      expect(await query(TEXT, [String(time)])).toEqual([{ text: String(time) }]);
  }

  test('pg prepares what is sent again and again, anew at ten, a hundred and so on', async () => {
    const prepared = await preparedWith(openPg, (database) => send(database, 200));
    const names = prepared.map(({ name }) => name);
    expect(names.slice(0, 2)).toEqual(['', '']);
    expect(names.slice(2)).toEqual(
      ['0', '1', '2'].map((power) => expect.stringMatching(`^metadata_backfill_[\\w-]{22}_${power}$`)),
    );
  });

  test.each([
    ['pg', openPg],
    ['postgres.js', openPostgresJs],
  ] as const)('%s prepares nothing by name in a transaction', async (_, open) => {
    const prepared = await preparedWith(open, (database) =>
      database.transaction((connection) => send(connection, 5)),
    );
    expect(prepared).toHaveLength(5);
    for (const { name } of prepared) expect(name).toBe('');
  });

  test.each([
    ['forgotten', 'deallocate all'],
    ['taken by another client', null],
  ])('pg goes on without names if one is %s, and executes nothing twice', async (_, forget) => {
    const pool = new Pool({ connectionString: own.url, max: 1 });
    const database = fromPg(pool);
    await pool.query('drop table if exists counted');
    await pool.query('create table counted (number bigint generated always as identity)');
    const text =
      'with new as (insert into counted default values returning 1) select count(*)::text as n from new';
    const insert = () => database.query(`${text} where $1 = $1::text`, ['']);
    for (let time = 1; time <= 4; time += 1) await insert();
    if (forget !== null) await pool.query(forget);
    else {
      const { rows } = await pool.query<{ name: string }>(
        "select name from pg_prepared_statements where name like 'metadata_%'",
      );
      await pool.query(`prepare "${rows[0]?.name.replace(/0$/, '1')}" as select 1`);
    }
    for (let time = 5; time <= 30; time += 1) expect(await insert()).toEqual([{ n: '1' }]);

    const { rows } = await pool.query('select count(*)::int as all from counted');
    const left = await pool.query(
      "select name from pg_prepared_statements where name like 'metadata_%_1' and not from_sql",
    );
    await pool.end();
    expect(rows).toEqual([{ all: 30 }]);
    expect(left.rows).toEqual([]);
  });

  test('pg goes on without names if a wrapper changes the texts', async () => {
    const pool = new Pool({ connectionString: own.url, max: 1 });
    let number = 0;
    const database = fromPg({
      connect: () => pool.connect(),
      on: (...event: Parameters<Pool['on']>) => pool.on(...event),
      query(statement: { text: string }) {
        number += 1;
        return pool.query({ ...statement, text: `${statement.text} /* ${number} */` });
      },
    } as never);
    await send(database, 10);
    await pool.end();

    expect(number).toBe(11);
  });

  test('pg takes a statement without its name if a table was altered', async () => {
    const pool = new Pool({ connectionString: own.url, max: 1 });
    const database = fromPg(pool);
    await pool.query("create table altered as select 1 as one, 'a'::text as two");
    const select = () => database.query('select * from altered where $1 = $1::text', ['']);
    for (let time = 1; time <= 4; time += 1) expect(await select()).toEqual([{ one: 1, two: 'a' }]);
    await pool.query('alter table altered alter one type text');
    for (let time = 1; time <= 4; time += 1) expect(await select()).toEqual([{ one: '1', two: 'a' }]);
    await pool.end();
  });
});

test('pages of many sizes have few texts, so that they can be prepared', async () => {
  const texts = new Set<string>();
  const query = async (text: string) => {
    texts.add(text.replace(/\s+/g, ' '));
    return [];
  };
  const database = { query, transaction: query, within: query } as unknown as PostgresDatabase;
  const repository = createPostgresRepository({
    database,
    instances: { table: 'instances', model: 'model' },
    taskData: { column: 'data', type: 'jsonb' },
    metadata: { table: 'metadata', instance: 'instance_id' },
  });
  const { signal } = new AbortController();
  const range = { processModelId: 'a', after: 1, upTo: 1_000_000, instanceIds: null, signal };
  for (let limit = 1; limit <= 2000; limit += 1)
    for (const mode of ['fill', 'overwrite'] as const) {
      const paths = [{ key: 'key', segments: ['key'], mode }];
      await repository.readInstances({ ...range, limit, paths });
    }

  expect(texts.size).toBeLessThanOrEqual(18);
});

test('only so many statements get a name', () => {
  const names = statementNames();
  const nameAfter = (text: string, times: number) => {
    for (let time = 1; time < times; time += 1) names.nameOf(text);
    return names.nameOf(text);
  };
  for (let number = 1; number <= 20; number += 1) expect(nameAfter(`select ${number}`, 3)).toBeDefined();
  expect(nameAfter('select 21', 100)).toBeUndefined();
  expect(names.nameOf('select 20')).toBeDefined();
});

test('a statement has the same name in each process, and no other statement has it', () => {
  const name = (text: string) => {
    const names = statementNames();
    for (let time = 1; time <= 2; time += 1) names.nameOf(text);
    return names.nameOf(text);
  };
  expect(name('select 1')).toBe(name('select 1'));
  expect(name('select 1')).not.toBe(name('select 2'));
});

const TEXT = 'select $1::text as text';

/** The Parse messages of what a client has sent. */
function preparedStatements(sent: Buffer): { readonly name: string; readonly text: string }[] {
  const statements: { readonly name: string; readonly text: string }[] = [];
  let at = sent.readInt32BE(0); // the first message, which has no type
  while (at < sent.length) {
    const end = at + 1 + sent.readInt32BE(at + 1);
    const [name = '', text = ''] = sent.toString('utf8', at + 5, end).split('\0');
    if (sent[at] === 'P'.charCodeAt(0)) statements.push({ name, text });
    at = end;
  }
  return statements;
}
