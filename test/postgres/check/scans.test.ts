import { describe, expect, test } from 'vitest';
import { type Configuration, useCheck } from './use-check.js';

const { checkAfter } = useCheck();

const scan = (place: string, table: string) =>
  `${place}: its SQL scans table ${table} once for each instance. Create an index on the columns that this SQL filters ${table} by. If there is such an index, run: analyze ${table}`;

/** The newest task comes from `tasks`. */
const newestOf = (tasks: string): Partial<Configuration> => ({
  taskData: {
    newest: `select t.hash as version from ${tasks} where t.instance_id = i.id order by t.hash limit 1`,
    document: 'select d.data from data d where d.hash = newest.version',
  },
});
const TABLES = `
  create table task (id int primary key, instance_id int, kind int, hash text);
  create table data (hash text, data json);`;
const INDEXES = `create index on task (instance_id); create index on data (hash);`;

describe('a scan for each instance is warned of', () => {
  test('in SQL for the newest task, and in that for its document', async () => {
    expect(await checkAfter(TABLES, newestOf('task t'))).toEqual([
      scan('taskData.newest', 'task'),
      scan('taskData.document', 'data'),
    ]);
    expect(await checkAfter(INDEXES, newestOf('task t'))).toEqual([]);
  });

  test('in conditions', async () => {
    const instances: Configuration['instances'] = {
      table: 'inst',
      model: 'model',
      where: 'not exists (select from task t where t.instance_id = i.id and t.kind = 1)',
      running: 'exists (select from data d where d.hash = i.status)',
    };
    expect(await checkAfter(TABLES, { instances })).toEqual([
      scan('instances.where', 'task'),
      scan('instances.running', 'data'),
    ]);
    expect(await checkAfter(INDEXES, { instances })).toEqual([]);
  });

  test('in SQL for further columns', async () => {
    const hash = '(select t.hash from task t where t.instance_id = i.id limit 1)';
    const columns = { insert: { of: hash }, update: { by: hash } };
    const metadata = { table: 'meta', instance: 'instance_id', ...columns };
    const sql = `${TABLES} alter table meta add "of" text, add by text`;
    expect(await checkAfter(sql, { metadata })).toEqual([
      scan('metadata.insert.of', 'task'),
      scan('metadata.update.by', 'task'),
    ]);
  });

  test('of a table with an index over other columns, and of one with the same name in another schema', async () => {
    const sql = `${TABLES} ${INDEXES} drop schema if exists "Other" cascade; create schema "Other";
      create table "Other".meta (instance_id int, hash text); alter table meta add flow int, add hash text`;
    expect(await checkAfter(sql, newestOf('"Other".meta t'))).toEqual([
      scan('taskData.newest', '"Other".meta'),
    ]);
    const own = newestOf('(select m.hash, m.flow as instance_id from meta m) t');
    expect(await checkAfter('', own)).toEqual([scan('taskData.newest', 'meta')]);
  });

  test('once for a table with partitions', async () => {
    const sql = `${TABLES} ${INDEXES} drop table data;
      create table data (hash text, data json) partition by hash (hash);
      create table data_0 partition of data for values with (modulus 2, remainder 0);
      create table data_1 partition of data for values with (modulus 2, remainder 1);`;
    expect(await checkAfter(sql, newestOf('task t'))).toEqual([scan('taskData.document', 'data')]);
  });

  test('of tables without an index that inherit from those of the configuration', async () => {
    const sql = `create table docs (instance_id int primary key, doc json);
      create table old_inst () inherits (inst); create table old_docs () inherits (docs); create table old_meta () inherits (meta)`;
    const taskData = { table: 'docs', instance: 'instance_id', column: 'doc' };
    expect(await checkAfter(sql, { taskData })).toEqual([
      scan('instances.id', 'old_inst'),
      scan('taskData.instance', 'old_docs'),
      scan('metadata.instance', 'old_meta'),
    ]);
  });

  test('not if it is known already that an index is missing', async () => {
    const sql = `alter table meta drop constraint meta_instance_id_key_key; create unique index on meta (key, instance_id);
      create table old_meta () inherits (meta)`;
    expect(await checkAfter(sql)).toEqual([
      expect.stringMatching(/^metadata\.instance: "meta" has no index on \("instance_id"\)/),
    ]);
  });
});

describe('small tables that are analyzed', () => {
  const JOINED = 'task t join kind k on k.id = t.kind join data d on d.hash = t.hash';
  test.each([0, 1, 2, 3, 11, 30])('with their indices are not warned of: %i rows', async (count) => {
    const sql = `${TABLES} ${INDEXES} create table kind (id int primary key);
      drop table meta, inst;
      create table inst (id int primary key, model text, status text, doc json) partition by hash (id);
      create table inst_0 partition of inst for values with (modulus 1, remainder 0);
      create index on inst (model, id);
      create table meta (instance_id int not null, key text not null, value text, unique (instance_id, key))
        partition by hash (instance_id);
      create table meta_0 partition of meta for values with (modulus 1, remainder 0);
      insert into kind select generate_series(1, ${count});
      insert into inst select n, 'm', 'done', '{}' from generate_series(1, ${count}) n;
      insert into meta select n, 'a', 'b' from generate_series(1, ${count}) n;
      insert into task select n, n, n, n from generate_series(1, ${count}) n;
      insert into data select n, '{}' from generate_series(1, ${count}) n;
      analyze`;
    expect(await checkAfter(sql, newestOf(JOINED))).toEqual([]);
  });
});
