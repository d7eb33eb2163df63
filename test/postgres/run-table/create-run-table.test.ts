import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PGlite } from '@electric-sql/pglite';
import knex from 'knex';
import pg from 'pg';
import postgres from 'postgres';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { InvalidInputError } from '../../../src/index.js';
import { createRunTable } from '../../../src/postgres/run-table/create-run-table.js';
import { quoteIsTrue } from '../../../src/postgres/run-table/run-table-names.js';
import { quoteName } from '../../../src/postgres/sql/quote-name.js';
import { eventually } from '../../faults/support/eventually.js';
import { createOwnDatabase } from '../../support/own-database.js';
import { createPglite } from '../../support/pglite.js';
import { describeWith, describeWithPrograms } from '../../support/servers.js';
import { openOwnSchema } from '../support/own-schema.js';

type Row = Readonly<Record<string, unknown>>;
type Send = (text: string) => Promise<readonly Row[]>;

const EXAMPLES = [
  'examples/1-own-repository/schema.sql',
  'examples/3-sql-databases/databases/schema/postgres.sql',
];
/** A role is there in all databases of a server. */
const WORKER = `worker_${randomBytes(6).toString('hex')}`;
const MADE = {
  columns:
    'active_key text, content json NN, id text C NN, process_model_id text NN, revision text NN, run_id text C NN',
  indexes:
    'metadata_backfill_run_active_key (active_key) unique, metadata_backfill_run_pkey (id) unique, metadata_backfill_run_run_id (run_id)',
  comment: 'process-metadata-backfill: format 1',
  functions: 'metadata_backfill_run_is_true',
};

describe('over PGlite', () => {
  let pglite: PGlite;
  beforeAll(async () => {
    pglite = await createPglite();
  });
  afterAll(() => pglite.close());
  const send: Send = async (text) => (await pglite.exec(text)).at(-1)?.rows as Row[];
  beforeEach(() =>
    send('drop schema if exists run_table cascade; create schema run_table; set search_path = run_table'),
  );

  creates(send);
});

describeWith(['PostgreSQL'], 'over PostgreSQL', (urls) => {
  let pool: Awaited<ReturnType<typeof openOwnSchema>>;
  beforeAll(async () => {
    pool = await openOwnSchema(urls.PostgreSQL, 'create_run_table');
  });
  afterAll(() => pool.close());
  beforeEach(() => pool.query('drop schema create_run_table cascade; create schema create_run_table'));
  const send: Send = async (text) => {
    const results = [await pool.query(text)].flat() as pg.QueryResult[];
    return results.at(-1)?.rows as Row[];
  };

  creates(send);

  test('creates the table once if eight sessions do it at once', async () => {
    await Promise.all(Array.from({ length: 8 }, () => pool.query(createRunTable())));
    expect(await described(send)).toEqual(MADE);
  });

  test.each(['repeatable read', 'serializable'])(
    'lets a transaction at %s pass that began before the table was there',
    async (level) => {
      const client = await pool.connect();
      try {
        await client.query(`begin isolation level ${level}`);
        await client.query('select 1');
        await pool.query(createRunTable());
        await client.query(createRunTable());
        await client.query('commit');
      } finally {
        client.release();
      }
      expect(await described(send)).toEqual(MADE);
    },
  );

  test('lets another session create the table after a migration that was rolled back', async () => {
    const client = await pool.connect();
    try {
      await client.query('begin');
      await client.query(createRunTable());
      const other = pool.query(createRunTable());
      await eventuallyWaits(send);
      await client.query('rollback');
      await other;
    } finally {
      client.release();
    }
    expect(await described(send)).toEqual(MADE);
  });

  test('waits for nobody once the table is there', async () => {
    await pool.query(createRunTable());
    const [other, batch] = [await pool.connect(), await pool.connect()];
    try {
      await batch.query('begin; lock table metadata_backfill_run in row exclusive mode');
      await other.query(`begin; ${createRunTable('another')}`); // holds the lock of all that create
      await pool.query(`set lock_timeout = '100ms'; ${createRunTable()}; reset lock_timeout`);
      await other.query('rollback');
      await batch.query('rollback');
    } finally {
      other.release();
      batch.release();
    }
  });

  test('shows to a statement in the function what was committed since the statement around it began', async () => {
    await pool.query(`${createRunTable()}; create table live (id int); create table saved (version text);
      insert into live values (1); insert into saved values ('old')`);
    const saving = await pool.connect();
    try {
      await saving.query("begin; select from live for update; update saved set version = 'new'");
      const batch = pool.query(
        `with locked as materialized (select id from live for update)
         select version as seen, ${quoteIsTrue('metadata_backfill_run')}('select version = $1 from saved', 'old', id) as same
         from saved, locked`,
      );
      await eventuallyWaits(send);
      await saving.query('commit');
      expect((await batch).rows).toEqual([{ seen: 'old', same: false }]);
    } finally {
      saving.release();
    }
  });
});

describeWith(['PostgreSQL'], 'with few rights', (urls) => {
  let own: Awaited<ReturnType<typeof createOwnDatabase>>;
  let pool: pg.Pool;
  const notices: string[] = [];
  beforeAll(async () => {
    own = await createOwnDatabase(urls.PostgreSQL);
    pool = new pg.Pool({ connectionString: own.url, max: 1 });
    pool.on('connect', (client) => client.on('notice', ({ message }) => notices.push(String(message))));
    await pool.query(`create role ${WORKER}`);
  });
  beforeEach(async () => {
    await pool.query(
      'reset role; drop schema if exists app cascade; create schema app; set search_path = app',
    );
    await pool.query(`grant usage on schema app to ${WORKER}`);
    notices.length = 0;
  });
  afterAll(async () => {
    await pool.query(`reset role; drop owned by ${WORKER}; drop role ${WORKER}`);
    await pool.end();
    await own.drop();
  });
  const send: Send = async (text) =>
    ([await pool.query(text)].flat() as pg.QueryResult[]).at(-1)?.rows as Row[];

  test('changes nothing at the start of a role that may change nothing', async () => {
    await pool.query(createRunTable());
    await pool.query(`set role ${WORKER}; ${createRunTable()}`);
    expect(notices).toEqual([]);
  });

  test('says who is to create the function if the role may not', async () => {
    await pool.query(`${createRunTable()}; drop function metadata_backfill_run_is_true`);
    await pool.query(`set role ${WORKER}; ${createRunTable()}`);
    expect(notices.join()).toMatch(
      /function app.metadata_backfill_run_is_true was not created \(permission denied for schema app\).*Let a role/,
    );
    await pool.query(`reset role; ${createRunTable()}`);
    expect(await described(send)).toEqual(MADE);
  });

  test('creates the table even if nobody may create functions', async () => {
    await pool.query(`
      create function app.refuse() returns event_trigger language plpgsql as 'begin raise exception ''no functions here''; end';
      create event trigger no_functions on ddl_command_start when tag in ('CREATE FUNCTION') execute function app.refuse()`);
    try {
      await pool.query(createRunTable());
    } finally {
      await pool.query('drop event trigger no_functions; drop function app.refuse');
    }
    expect(notices.join()).toContain('was not created (no functions here)');
    expect(await described(send)).toEqual({ ...MADE, functions: null });
  });

  test('takes over the table of another role without its comment', async () => {
    await pool.query(await recordsTable('examples/1-own-repository/schema.sql'));
    await pool.query(`set role ${WORKER}; ${createRunTable()}`);
    expect(notices.join()).toContain('Let its owner execute createRunTable');
  });

  test('needs the right to use plpgsql', async () => {
    await pool.query(`revoke usage on language plpgsql from public; set role ${WORKER}`);
    try {
      await expect(pool.query(createRunTable())).rejects.toThrow('permission denied for language plpgsql');
    } finally {
      await pool.query('reset role; grant usage on language plpgsql to public');
    }
  });
});

describeWith(['PostgreSQL'], 'sent by', (urls) => {
  const odd = `sent_by.odd "1" 'x' \\ $1 $metadata_backfill$ ? :id %s`;
  let pool: Awaited<ReturnType<typeof openOwnSchema>>;
  beforeAll(async () => {
    pool = await openOwnSchema(urls.PostgreSQL, 'sent_by');
  });
  afterAll(() => pool.close());

  type SendBy = (url: string, text: string) => Promise<unknown>;
  const senders: Readonly<Record<string, SendBy>> = {
    async pg(connectionString, text) {
      const client = new pg.Client({ connectionString });
      await client.connect();
      await client.query(text, []).finally(() => client.end()); // with parameters: the extended protocol
    },
    async 'postgres.js'(url, text) {
      const sql = postgres(url, { max: 1 });
      await sql.unsafe(text).finally(() => sql.end());
    },
    async 'Knex raw'(connection, text) {
      const database = knex({ client: 'pg', connection });
      await database.raw(text).finally(() => database.destroy());
    },
    async 'Knex raw with names'(connection, text) {
      const database = knex({ client: 'pg', connection });
      await database.raw(text, { id: 1, format: 2 }).finally(() => database.destroy());
    },
    async TypeORM(url, text) {
      const source = await new DataSource({ type: 'postgres', url }).initialize();
      await source.query(text).finally(() => source.destroy());
    },
  };

  test.each(Object.entries(senders))('%s, creates a table with an odd name', (_, sendBy) =>
    createsOdd(sendBy),
  );

  describeWithPrograms('a program', (programs) => {
    test('psql, creates a table with an odd name', () =>
      createsOdd((url, text) =>
        promisify(execFile)(join(programs, 'psql'), [url, '-v', 'ON_ERROR_STOP=1', '-c', text]),
      ));
  });

  async function createsOdd(sendBy: SendBy): Promise<void> {
    await pool.query('drop schema sent_by cascade; create schema sent_by');
    for (const table of ['sent_by.plain', odd]) await sendBy(urls.PostgreSQL, createRunTable(table));
    const { rows } = await pool.query(
      "select tablename as name from pg_tables where schemaname = 'sent_by' order by 1",
    );
    expect(rows).toEqual([{ name: odd.slice('sent_by.'.length) }, { name: 'plain' }]);
    await pool.query(`select id, content from ${quoteName(odd)}`);
    expect(
      (await pool.query(`select ${quoteIsTrue(odd)}('select $1 = ''a''', 'a', 1) as same`)).rows,
    ).toEqual([{ same: true }]);
  }
});

test.each([
  ['', 'createRunTable: expected a name, got ""'],
  ['a.b.c', "createRunTable: expected 'table' or 'schema.table', got \"a.b.c\""],
  ['.runs', 'createRunTable: expected a name, got ""'],
  ['x'.repeat(53), 'createRunTable: expected a name of at most 52 bytes, got one of 53'],
  [
    'a\0b',
    'createRunTable: expected a name without NUL and without half of a surrogate pair, got "a\\u0000b"',
  ],
  [7, 'createRunTable: expected a name, got 7'],
])('refuses the name %j', (name, message) => {
  expect(() => createRunTable(name as string)).toThrow(new InvalidInputError(message));
});

test('has nothing in it that a driver replaces', () => {
  for (const name of ['metadata_backfill_run', 'odd ? $1 :id'])
    expect(createRunTable(name)).not.toMatch(/[?]|\$\d|:\w/);
});

/** What holds on every PostgreSQL. */
function creates(send: Send): void {
  test('creates the table and its function', async () => {
    await send(createRunTable());
    expect(await described(send)).toEqual(MADE);
  });

  test('changes nothing if it is executed again', async () => {
    await send(createRunTable());
    await send(
      "insert into metadata_backfill_run values ('a', 'a', 'm', 'r', null, '{ \"b\": 1,  \"a\": 2 }')",
    );
    const before = await send(
      'select oid, relfilenode, xmin::text from pg_class union select oid, 0, xmin::text from pg_proc order by 1',
    );
    await send(createRunTable());
    expect(
      await send(
        'select oid, relfilenode, xmin::text from pg_class union select oid, 0, xmin::text from pg_proc order by 1',
      ),
    ).toEqual(before);
    expect(await send('select content::text from metadata_backfill_run')).toEqual([
      { content: '{ "b": 1,  "a": 2 }' },
    ]);
  });

  test('leaves nothing behind in a migration that is rolled back', async () => {
    await send(`begin; ${createRunTable()}; rollback`);
    expect(await described(send)).toEqual({ columns: null, indexes: null, comment: null, functions: null });
    await send(createRunTable());
    expect(await described(send)).toEqual(MADE);
  });

  test('creates it in the schema that is named, whatever the search_path', async () => {
    await send(`drop schema if exists "Other one" cascade; create schema "Other one"`);
    for (const path of ["''", 'pg_catalog', 'run_table_nowhere', 'pg_temp'])
      await send(`begin; set local search_path = ${path}; ${createRunTable('Other one.Runs')}; commit`);
    expect(
      await send(
        `select count(*)::int as runs, "Other one"."Runs_is_true"('select $1 is null', null, 1) as is_true from "Other one"."Runs"`,
      ),
    ).toEqual([{ runs: 0, is_true: true }]);
    await send('drop schema "Other one" cascade');
  });

  test('finds the table where the search_path does', async () => {
    await send('drop schema if exists earlier cascade; create schema earlier');
    await send(createRunTable());
    await send(
      `begin; select set_config('search_path', 'earlier, ' || current_schema(), true); ${createRunTable()}; commit`,
    );
    expect(await send("select 1 from pg_tables where schemaname = 'earlier'")).toEqual([]);
    await send('drop schema earlier cascade');
  });

  test('says what to do without any schema', async () => {
    const refused = send(`begin; set local search_path = ''; ${createRunTable()}; commit`);
    await expect(refused).rejects.toThrow("Name one, as in createRunTable('schema.table').");
    await send('rollback');
  });

  test('resolves the statement as for the caller', async () => {
    await send(createRunTable());
    await send(
      'drop schema if exists earlier cascade; create schema earlier; create table earlier.what as select 1; create table what as select 2 as two',
    );
    expect(
      await send("select metadata_backfill_run_is_true('select two = 2 from what', null, 1) as is_true"),
    ).toEqual([{ is_true: true }]);
    await send('drop schema earlier cascade');
  });

  test('refuses a newer format, and says to upgrade', async () => {
    await send(
      `${createRunTable()}; comment on table metadata_backfill_run is 'process-metadata-backfill: format 2'`,
    );
    await expect(send(createRunTable())).rejects.toThrow(
      /is in format 2, and this version of process-metadata-backfill knows format 1\. Upgrade the library/,
    );
  });

  test.each([
    [
      'create table metadata_backfill_run (id int primary key, name text)',
      /lacks column active_key of type text, .* column run_id of type text collate "C", a unique index on active_key\. Choose another name/,
    ],
    [
      'create table metadata_backfill_run (id text collate "C" primary key, run_id text collate "C", process_model_id text, revision text, active_key text, content json)',
      /it lacks a unique index on active_key\. Choose/,
    ],
    [
      'create table metadata_backfill_run (id text primary key, run_id text collate "C", process_model_id text, revision text, active_key text unique, content jsonb)',
      /it lacks column content of type json, column id of type text collate "C"\. Choose/,
    ],
    [
      'create table metadata_backfill_run (id text collate "C" primary key, run_id text collate "C", process_model_id text, revision text, active_key text unique, content json, tenant int not null)',
      /it lacks a default for column tenant\. Choose/,
    ],
    ['create view metadata_backfill_run as select 1 as id', /it is no ordinary table\. Choose/],
  ])('refuses another relation: %s', async (statement, message) => {
    await send(statement);
    await expect(send(createRunTable())).rejects.toThrow(message);
  });

  test.each(EXAMPLES)('takes over the table of %s', async (file) => {
    await send(await recordsTable(file));
    await send("insert into metadata_backfill_run values ('a', 'a', 'm', 'r', null, '{}')");
    await send(createRunTable());
    const { comment, functions, indexes } = await described(send);
    expect({ comment, functions }).toEqual({ comment: MADE.comment, functions: MADE.functions });
    expect(String(indexes).match(/\(run_id\)/g)).toHaveLength(1);
    expect(await send('select id from metadata_backfill_run')).toEqual([{ id: 'a' }]);
  });

  test('keeps a comment of the host, and adds a missing index', async () => {
    await send(
      `${createRunTable()}; comment on table metadata_backfill_run is 'Of team A.'; drop index metadata_backfill_run_run_id`,
    );
    await send(createRunTable());
    expect(await described(send)).toEqual({
      ...MADE,
      comment: 'Of team A. process-metadata-backfill: format 1',
      indexes: MADE.indexes.replace('run_run_id (', 'run_run_id_idx ('),
    });
  });
}

/** The table of runs among those of an example. */
async function recordsTable(file: string): Promise<string> {
  const statements = (await readFile(file, 'utf8')).replace(/--.*/g, '').split(';');
  return statements.filter((statement) => statement.includes('metadata_backfill_run')).join(';');
}

async function described(send: Send): Promise<Row> {
  const [row] = await send(`
    select string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), nullif(collname, 'default'), case when attnotnull then 'NN' end), ', ' order by attname) as columns,
      (select string_agg(format('%s (%s)%s', c.relname, a.attname, case when indisunique then ' unique' end), ', ' order by c.relname)
       from pg_index join pg_class c on c.oid = indexrelid join pg_attribute a on a.attrelid = indrelid and a.attnum = indkey[0]
       where indrelid = to_regclass('metadata_backfill_run')) as indexes,
      obj_description(to_regclass('metadata_backfill_run'), 'pg_class') as comment,
      (select string_agg(proname, ', ') from pg_proc where pronamespace = to_regnamespace(current_schema())) as functions
    from pg_attribute a left join pg_collation c on c.oid = attcollation
    where attrelid = to_regclass('metadata_backfill_run') and attnum > 0`);
  return row ?? {};
}

/** Once some session in the schema of the tests waits for a lock. */
function eventuallyWaits(send: Send): Promise<true> {
  return eventually(async () => {
    const waiting = await send(
      `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database() and query like '%metadata_backfill_run%'`,
    );
    return waiting.length > 0 ? true : null;
  }, AbortSignal.timeout(60_000));
}
