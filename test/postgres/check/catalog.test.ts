import { createRunTable } from 'process-metadata-backfill/postgres';
import { describe, expect, test } from 'vitest';
import { type Configuration, refusal, useCheck, warnings } from './use-check.js';

const { checkAfter, execute } = useCheck();

describe('what drops rows before they are written', () => {
  const COLUMN: Partial<Configuration> = { metadata: { column: 'metadata' } };

  test.each(['insert', 'update', 'delete', 'insert or update of value'])(
    'is warned of: a trigger before %s of metadata',
    async (event) => {
      const sql = `create trigger "drop some" before ${event} on meta for each row execute function pass()`;
      expect(await checkAfter(sql)).toEqual(
        warnings(
          /^metadata\.table: trigger "drop some" of "meta" may drop or change rows, but the run counts them as written\. Ignore this warning if the trigger neither drops rows nor changes values\. Otherwise verify after each run$/,
        ),
      );
    },
  );

  test.each([
    'create trigger t after insert on meta for each row execute function pass()',
    'create trigger t before insert on meta for each statement execute function pass()',
    'create trigger t before insert on meta for each row execute function pass(); alter table meta disable trigger t',
    'create trigger t before insert on meta for each row execute function pass(); alter table meta enable replica trigger t',
    'create rule t as on insert to meta do also select 1; alter table meta disable rule t',
    'create rule t as on insert to meta do also select 1; alter table meta enable replica rule t',
    'create trigger t before update on inst for each row execute function pass()',
  ])('is not: %s', async (sql) => {
    expect(await checkAfter(sql)).toEqual([]);
  });

  test('is warned of: a rule of the metadata', async () => {
    const sql = `create table other (like meta including all);
      create rule elsewhere as on insert to meta do instead insert into other overriding system value values (new.*)`;
    expect(await checkAfter(sql)).toEqual(
      warnings(
        /^metadata\.table: rule "elsewhere" of "meta" may drop or change rows.* if the rule neither drops/,
      ),
    );
  });

  test('is refused: a rule that PostgreSQL does not execute within a statement', async () => {
    expect(await checkAfter('create rule none as on insert to meta do instead nothing')).toEqual(
      refusal(/DO INSTEAD NOTHING rules are not supported.*\. Drop the rule that it names/),
    );
  });

  test.each([
    ['update', 1],
    ['update of metadata', 1],
    ['update of status', 0],
    ['insert', 0],
  ])('with metadata in the instance: a trigger before %s, %i warnings', async (event, count) => {
    const sql = `alter table inst add metadata jsonb; create trigger t before ${event} on inst for each row execute function pass()`;
    const expected = warnings(/^metadata\.column: trigger "t" of "inst" may drop/).slice(0, count);
    expect(await checkAfter(sql, COLUMN)).toEqual(expected);
  });
});

describe('collations and types', () => {
  const TEXT_IDS: Partial<Configuration> = {
    instances: { table: 'inst', model: 'model', id: { type: 'text' } },
  };
  const textIds = (id: string, instance: string) => `
    drop table meta, inst;
    create table inst (id ${id} primary key, model text not null, doc json);
    create index on inst (model, id${id.startsWith('int') ? '' : ' collate "C"'});
    create table meta (instance_id ${instance} not null, key text not null, value text, primary key (instance_id, key));`;

  const DOCS = { table: 'docs', instance: 'instance_id', column: 'doc' } as const;
  const ANY_CASE = `create collation any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);`;

  test.each([
    ['instances.id', 'inst', 'id'],
    ['instances.model', 'inst', 'model'],
    ['metadata.instance', 'meta', 'instance_id'],
    ['metadata.key', 'meta', 'key'],
    ['taskData.instance', 'docs', 'instance_id'],
  ])('that take different texts for equal are refused in %s only', async (place, table, column) => {
    const sql = `${textIds('text', 'text')} create table docs (instance_id text primary key, doc json);
      ${ANY_CASE} alter table ${table} alter ${column} type text collate any_case`;
    const error = await checkAfter(sql, { ...TEXT_IDS, taskData: DOCS });
    const fix = `alter table "${table}" alter column "${column}" type text collate "C";`;
    expect(error).toMatchObject({
      name: 'InvalidInputError',
      message: `createPostgresRepository:\n- ${place}: the collation of "${column}" is nondeterministic, so it treats different texts as equal. ${fix} or write a repository of your own`,
    });
  });

  test.each([
    ['text collate any_case', 2],
    ['text collate "C"', 1],
  ])('that take different ids for equal are gone after each fix, beside %s', async (instance, count) => {
    const sql = `${ANY_CASE} ${textIds('text collate any_case', instance)}`;
    const error = String(await checkAfter(sql, TEXT_IDS));
    const fixes = error.match(/alter table .*?;/g) ?? [];
    expect(fixes).toHaveLength(count);
    expect(await checkAfter(fixes.join(' '), TEXT_IDS)).toEqual([]);
  });

  test.each([
    ['text', 'text'],
    ['varchar(36)', 'text'],
    ['text', 'varchar(36)'],
    ['text collate "C"', 'text collate "C"'],
    ['text', 'text collate "C"'],
  ])('that agree are not warned of: %s and %s', async (id, instance) => {
    expect(await checkAfter(textIds(id, instance), TEXT_IDS)).toEqual([]);
  });

  test.each([
    ['of the ids', 'text collate "C"', 'text', 'instance_id', '"instance_id" collate pg_catalog."C"'],
    ['of the column', 'text', 'text', 'instance_id collate "C"', '"instance_id"'],
    [
      'of the column, although it has that of the ids',
      'text collate "C"',
      'text',
      'instance_id collate "C"',
      '"instance_id"',
    ],
    [
      'of the column, which the ids lack',
      'text',
      'text collate "unicode"',
      'instance_id collate "C"',
      '"instance_id"',
    ],
  ])('that an index lacks are warned of: that %s', async (_, id, instance, indexed, list) => {
    const sql = `${textIds(id, instance)} create table docs (instance_id ${instance}, doc json);
      alter table meta drop constraint meta_pkey;
      create unique index on meta (${indexed}, key); create unique index on docs (${indexed})`;
    const changes = { ...TEXT_IDS, taskData: DOCS };
    const fixes = ['docs', 'meta'].map((table) => `create index concurrently on "${table}" (${list});`);
    expect(await checkAfter(sql, changes)).toEqual([
      `taskData.instance: "docs" has no index on (${list}), so each page scans the table. ${fixes[0]}`,
      `metadata.instance: "meta" has no index on (${list}), so each page scans the table. ${fixes[1]}`,
    ]);
    for (const fix of fixes) await execute(fix);
    expect(await checkAfter('', changes)).toEqual([]);
  });

  test('that an index over the ids lacks are warned of', async () => {
    const sql = `${textIds('text', 'text')} alter table inst drop constraint inst_pkey; create unique index on inst (id collate "C")`;
    expect(await checkAfter(sql, TEXT_IDS)).toEqual(
      warnings(/^instances\.id: "inst" has no index on \("id"\)/),
    );
  });

  test.each([
    ['text', 'text', 'char(36)', 'character'],
    ['text', 'text', 'name', 'name'],
    ['int', 'integer', 'text', 'text'],
  ])('that are not those of the ids are refused: %s and %s', async (type, id, instance, written) => {
    const sql = `${textIds(id, instance)}
      create table docs (instance_id ${instance} primary key, doc json)`;
    const instances = { ...TEXT_IDS.instances, id: { type } } as Configuration['instances'];
    const error = await checkAfter(sql, { instances, taskData: DOCS });
    for (const [place, table] of Object.entries({ metadata: 'meta', taskData: 'docs' }))
      expect(String(error)).toContain(
        `- ${place}.instance: its type is ${written}, but the id of the instances has the type ${id}. Ids may match wrongly, or not at all. alter table "${table}" alter column "instance_id" type ${id};`,
      );
  });

  test('of whole numbers may differ', async () => {
    const sql = `alter table meta drop constraint meta_instance_id_fkey; alter table meta alter instance_id type`;
    for (const type of ['bigint', 'numeric', 'smallint'])
      expect(await checkAfter(`${sql} ${type}`.replace('constraint', 'constraint if exists'))).toEqual([]);
  });

  test('that PostgreSQL cannot compare are refused, for metadata and task data', async () => {
    const sql = `${textIds('text collate "C"', 'text collate "unicode"')}
      create table docs (instance_id text collate "unicode" primary key, doc json)`;
    const error = await checkAfter(sql, { ...TEXT_IDS, taskData: DOCS });
    for (const place of ['metadata', 'taskData'])
      expect(error).toEqual(
        refusal(
          new RegExp(
            `${place}\\.instance: its collation is .*unicode"?, and that of the instances' id is .*"C"`,
          ),
        ),
      );
  });

  test('are those that a domain over a domain ends in', async () => {
    const sql = `create domain short as varchar(10) not null; create domain shorter as short check (value <> '');
      alter table meta alter value type shorter`;
    expect(await checkAfter(sql)).toEqual(refusal(/metadata\.nullable: column "value" does not allow null/));
    const metadata = { table: 'meta', instance: 'instance_id', nullable: false };
    expect(await checkAfter('', { metadata })).toEqual(
      warnings(/^metadata\.maxLength: the column holds at most 10 characters/),
    );
  });
});

describe('keys and rights', () => {
  test('a partitioned table that cannot have the key is refused, without an impossible statement', async () => {
    const sql = `drop table meta, inst;
      create table inst (id int not null, model text, status text, doc json, at timestamptz not null, primary key (id, at))
        partition by range (at);
      create index on inst (model, id);
      create table meta (instance_id int not null, key text not null, value text, unique (instance_id, key))`;
    expect(await checkAfter(sql)).toEqual(
      refusal(/instances\.id: "inst" has no unique key on \("id"\)\. PostgreSQL allows no such key here/),
    );
  });

  test('partitioned tables that have the keys fit', async () => {
    const sql = `drop table meta, inst;
      create table inst (id int primary key, model text, status text, doc json) partition by hash (id);
      create table inst_0 partition of inst for values with (modulus 1, remainder 0);
      create index on inst (model, id);
      create table meta (instance_id int not null, key text not null, value text, unique (instance_id, key))
        partition by hash (instance_id);
      create table meta_0 partition of meta for values with (modulus 1, remainder 0)`;
    expect(await checkAfter(sql)).toEqual([]);
  });

  const WORKER = `create role worker; grant all on all tables in schema public to worker;
    grant usage on all sequences in schema public to worker;`;

  test('a table of runs in a schema that the role may not use is one of the problems', async () => {
    const sql = `${WORKER} create schema runs; ${createRunTable('runs.run')}; revoke delete on meta from worker; set role worker`;
    const error = await checkAfter(sql, { runs: { table: 'runs.run' } });
    expect(error).toEqual(refusal(/runs\.table: permission denied for schema runs\. grant usage on schema/));
    expect(error).toEqual(refusal(/metadata\.table: this role lacks delete on/));
  });

  test('a function that the role may not execute is warned of, with the grant', async () => {
    const sql = `${WORKER} revoke execute on function metadata_backfill_run_is_true from public; set role worker`;
    expect(await checkAfter(sql)).toEqual([
      'runs.table: this role may not execute function "metadata_backfill_run_is_true", so batches that compare versions take two more statements. grant execute on function "metadata_backfill_run_is_true"(text, text, bigint) to <role>;',
    ]);
    await execute(
      'reset role; grant execute on function "metadata_backfill_run_is_true"(text, text, bigint) to worker; set role worker',
    );
    expect(await checkAfter('')).toEqual([]);
  });
});

describe('what PostgreSQL refuses to plan', () => {
  test.each([
    [
      'a table that is published without an identity',
      'alter table meta drop constraint meta_pkey; create publication p for table meta',
      /replica identity.*\. Change the table so that PostgreSQL allows this\. If a replica identity is missing: alter table <table> replica identity full;/,
    ],
    [
      'a column that it generates',
      'alter table meta drop value; alter table meta add value text generated always as (key) stored',
      /\. PostgreSQL generates this column itself\. Name another one/,
    ],
  ])('is refused with a fix: %s', async (_, sql, problem) => {
    expect(await checkAfter(sql)).toEqual(refusal(problem));
  });
});

test('backslashes may be escapes in texts', async () => {
  expect(await checkAfter('set standard_conforming_strings = off')).toEqual([]);
});
