import type { PGlite } from '@electric-sql/pglite';
import {
  createPostgresRepository,
  type IdType,
  type PostgresConfiguration,
} from 'process-metadata-backfill/postgres';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { pgliteDatabase } from '../../examples/2-embedded-postgres/sql.js';
import { openEmbeddedPostgres } from '../support/embedded-postgres.js';
import { fromSql, spiffTables } from '../support/spiff-repository.js';

type Configuration = PostgresConfiguration<never, IdType>;

const NOW = '(select extract(epoch from now())::int)';

const RIGHT = {
  instances: {
    table: 'process_instance',
    model: 'process_model_identifier',
    running: `i.status not in ('complete', 'error', 'terminated')`,
  },
  taskData: {
    type: 'text',
    newest: `select t.json_data_hash as version from task t where t.process_instance_id = i.id and t.state = 'COMPLETED'
      order by t.end_in_seconds desc nulls last, t.guid limit 1`,
    document: 'select d.data from json_data d where d.hash = newest.version',
  },
  metadata: {
    table: 'process_instance_metadata',
    instance: 'process_instance_id',
    nullable: false,
    maxLength: 255,
    maxKeyLength: 255,
    insert: { created_at_in_seconds: NOW, updated_at_in_seconds: NOW },
    update: { updated_at_in_seconds: NOW },
  },
} as const satisfies Omit<Configuration, 'database'>;

const FORGET = `reset role; reset all;
  do $$ begin
    if exists (select from pg_roles where rolname = 'reader') then drop owned by reader; drop role reader; end if;
  end $$;
  drop schema if exists app cascade; drop schema public cascade; create schema public; grant usage on schema public to public;`;

let pglite: PGlite;

beforeAll(async () => {
  pglite = await openEmbeddedPostgres();
});
beforeEach(async () => {
  await pglite.exec(FORGET + (await spiffTables()));
});
afterAll(() => pglite.close());

interface Changes {
  /** What is done to the tables before the check. */
  readonly sql?: string;
  readonly instances?: Partial<Configuration['instances']>;
  readonly taskData?: Configuration['taskData'];
  readonly metadata?: Partial<Configuration['metadata']>;
  readonly runs?: Configuration['runs'];
}

async function check({ sql, instances, taskData, metadata, runs }: Changes = {}): Promise<readonly string[]> {
  if (sql !== undefined) await pglite.exec(sql);
  const repository = createPostgresRepository({
    database: fromSql(pgliteDatabase(pglite)),
    instances: { ...RIGHT.instances, ...instances },
    taskData: taskData ?? RIGHT.taskData,
    metadata: { ...RIGHT.metadata, ...metadata } as Configuration['metadata'],
    runs,
  });
  return repository.check();
}

test('finds nothing where the configuration fits', async () => {
  expect(await check()).toEqual([]);
});

test('finds nothing wrong with small tables that are analyzed', async () => {
  const rows = `insert into process_instance values (1, 'm', 'complete');
    insert into process_instance_metadata values (1, 1, 'a', 'b', 0, 0)`;
  expect(await check({ sql: `${rows}; analyze` })).toEqual([]);
});

test.each<[what: string, problem: RegExp, changes: Changes]>([
  [
    'an unknown table',
    /instances\.table: this connection sees no table "instance"/,
    { instances: { table: 'instance' } },
  ],
  [
    'an unknown column, with those that there are',
    /instances\.model: "process_instance" has no column "model"\. It has id, process_model_identifier, status/,
    { instances: { model: 'model' } },
  ],
  [
    'ids of another type',
    /instances\.id: the type of "id" is bigint\. Set instances\.id\.type: 'bigint'/,
    { sql: 'alter table process_instance alter column id type bigint' },
  ],
  [
    'a view',
    /instances\.table: "v" is not a table/,
    { sql: 'create view v as select * from process_instance', instances: { table: 'v' } },
  ],
  [
    'a time of creation that takes null',
    /instances\.createdAt: the column allows null.* alter column "created_at" set not null;/,
    {
      sql: 'alter table process_instance add created_at timestamptz',
      instances: { createdAt: 'created_at' },
    },
  ],
  [
    'a time of creation without a zone',
    /Set instances\.createdAt\.type: 'timestamp'/,
    { sql: 'alter table process_instance add created_at timestamp', instances: { createdAt: 'created_at' } },
  ],
  [
    'a column that no condition knows',
    /instances\.where: column i\.deleted_at does not exist\. In this SQL, i is/,
    { instances: { where: 'i.deleted_at is null' } },
  ],
  ['SQL that is none', /instances\.running: syntax error/, { instances: { running: 'i.status in (' } }],
  [
    'SQL that returns several rows for one instance',
    /taskData\.newest: it returns several rows for one instance\. Add order by … limit 1/,
    {
      sql: `insert into process_instance values (1, 'm', 'complete');
        insert into task values ('a', 1, 'COMPLETED', 'h', 1), ('b', 1, 'COMPLETED', 'h', 2)`,
      taskData: {
        newest: 'select t.json_data_hash as version from task t where t.process_instance_id = i.id',
        document: 'select d.data from json_data d where d.hash = newest.version',
      },
    },
  ],
  [
    'documents that are several',
    /taskData\.document: more than one row returned.* Add order by … limit 1/,
    {
      sql: `insert into process_instance values (1, 'm', 'complete'); insert into task values ('a', 1, 'COMPLETED', 'h', 1);
        insert into json_data values ('h', '{}'), ('g', '{}')`,
      taskData: { newest: RIGHT.taskData.newest, document: 'select d.data from json_data d' },
    },
  ],
  [
    'a newest task without a version',
    /taskData\.newest: column newest\.version does not exist/,
    { taskData: { newest: 'select 1 as v', document: 'select null' } },
  ],
  [
    'metadata without a unique key, with the statement',
    /metadata\.table: "process_instance_metadata" has no unique key on \("process_instance_id", "key"\)\. alter table "process_instance_metadata" add unique/,
    {
      sql: 'alter table process_instance_metadata drop constraint process_instance_metadata_process_instance_id_key_key',
    },
  ],
  [
    'a unique key over some rows only',
    /has no unique key on/,
    {
      sql: `alter table process_instance_metadata drop constraint process_instance_metadata_process_instance_id_key_key;
        create unique index on process_instance_metadata (process_instance_id, key) where value <> ''`,
    },
  ],
  [
    'values that must not be null',
    /metadata\.nullable: column "value" does not allow null\. Set nullable: false/,
    { metadata: { nullable: true } },
  ],
  [
    'columns that nobody fills',
    /metadata\.insert: column "created_at_in_seconds" does not allow null and has no default\. Set insert: \{ "created_at_in_seconds"/,
    { metadata: { insert: { updated_at_in_seconds: NOW } } },
  ],
  [
    'a column of insert that is not there',
    /metadata\.insert: .* has no column "by"/,
    { metadata: { insert: { ...RIGHT.metadata.insert, by: `'me'` } } },
  ],
  [
    'a value of another type than its column',
    /column "updated_at_in_seconds" is of type integer but expression is of type timestamp/,
    { metadata: { insert: { created_at_in_seconds: NOW, updated_at_in_seconds: 'now()' } } },
  ],
  [
    'a unique key that holds only at the end of a transaction',
    /has no unique key on/,
    {
      sql: `alter table process_instance_metadata drop constraint process_instance_metadata_process_instance_id_key_key;
        alter table process_instance_metadata add unique (process_instance_id, key) deferrable`,
    },
  ],
  [
    'a condition that returns two rows',
    /instances\.where: more than one row returned by a subquery/,
    {
      sql: `insert into process_instance values (1, 'm', 'complete'), (2, 'm', 'complete')`,
      instances: { where: `i.status = (select s.status from process_instance s)` },
    },
  ],
  [
    'a sequence that the role may not use',
    /metadata\.table: this role may not use the sequence of column "id"\. grant usage on sequence/,
    { sql: 'create role reader; grant all on all tables in schema public to reader; set role reader' },
  ],
  [
    'a schema that the role may not use',
    /instances\.table: permission denied for schema app\. grant usage on schema/,
    {
      sql: 'create role reader; grant all on all tables in schema public to reader; create schema app; set role reader',
      instances: { table: 'app.process_instance' },
    },
  ],
  [
    'a table of runs that is not there',
    /runs\.table: there is no table "runs"\. Execute the SQL of createRunTable\('runs'\)/,
    { runs: { table: 'runs' } },
  ],
  [
    'a role that may not write, with the grant',
    /metadata\.table: this role lacks insert, update, delete on "process_instance_metadata"\. grant insert, update, delete on/,
    {
      sql: `create role reader; grant select, update on all tables in schema public to reader;
        grant usage on all sequences in schema public to reader;
        revoke update on process_instance_metadata from reader; set role reader`,
    },
  ],
  [
    'a role that may not read what the SQL of the host reads',
    /taskData\.newest: permission denied for table task\. Grant this role what is missing, such as select on the table/,
    {
      sql: `create role reader; grant all on all tables in schema public to reader; grant usage on all sequences in schema public to reader; revoke all on task from reader; set role reader`,
    },
  ],
])('refuses %s', async (_, problem, changes) => {
  const error = await check(changes).catch((error: unknown) => error);
  expect(error).toMatchObject({ name: 'InvalidInputError', code: 'INVALID_INPUT' });
  expect(String(error)).toMatch(problem);
});

test.each<[what: string, warnings: readonly RegExp[], changes: Changes]>([
  [
    'ids that do not ascend',
    [/^instances\.id: new ids are random, so a run may miss instances .*\. Set instances\.createdAt to/],
    {
      sql: 'create table orders (id uuid primary key default gen_random_uuid(), model text not null, data jsonb); create index on orders (model, id); create table facts (order_id uuid not null, key text not null, value jsonb, primary key (order_id, key))',
      instances: { table: 'orders', model: 'model', id: { type: 'uuid' }, running: undefined },
      taskData: { column: 'data', type: 'jsonb' },
      metadata: {
        ...{ table: 'facts', instance: 'order_id', type: 'jsonb', nullable: true },
        ...{ maxLength: undefined, maxKeyLength: undefined, insert: undefined, update: undefined },
      } as never,
    },
  ],
  [
    'no index for the walk',
    [
      /instances\.model: "process_instance" has no index on \("process_model_identifier", "id"\).* create index concurrently on/,
    ],
    { sql: 'drop index process_instance_model_id' },
  ],
  [
    'no index for the tasks of an instance',
    [/^taskData\.newest: its SQL scans table task once for each instance\. Create an index/],
    { sql: 'drop index task_process_instance_id' },
  ],
  [
    'values and keys that are longer than their columns',
    [
      /metadata\.maxLength: the column holds at most 255 characters.* Set maxLength: 255/,
      /metadata\.maxKeyLength: .* Set maxKeyLength: 255/,
    ],
    { metadata: { maxLength: 1000, maxKeyLength: undefined } },
  ],
  [
    'no function to compare versions with',
    [/runs\.table: there is no function "metadata_backfill_run_is_true"/],
    { sql: 'drop function metadata_backfill_run_is_true' },
  ],
  [
    'transactions at a higher isolation',
    [/database: transactions of this role are at REPEATABLE READ/],
    { sql: `set default_transaction_isolation = 'repeatable read'` },
  ],
])('warns of %s', async (_, warnings, changes) => {
  const found = await check(changes);
  expect(found).toHaveLength(warnings.length);
  for (const [index, warning] of warnings.entries()) expect(found[index]).toMatch(warning);
});

test('lists everything that is wrong at once', async () => {
  const error = await check({
    instances: { model: 'model' },
    metadata: { value: 'val', nullable: true },
  }).catch(String);
  expect(error).toMatch(/instances\.model/);
  expect(error).toMatch(/metadata\.value/);
});
