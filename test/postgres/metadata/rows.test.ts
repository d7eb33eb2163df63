import type { PGlite } from '@electric-sql/pglite';
import { type InstanceId, type JsonValue, runBackfill } from 'process-metadata-backfill';
import { createPostgresRepository, createRunTable, fromPglite } from 'process-metadata-backfill/postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPglite } from '../../support/pglite.js';
import { bigIds } from '../hosts/big-ids.js';
import { oddNames } from '../hosts/odd-names.js';
import { textIds } from '../hosts/text-ids.js';
import { ALL_WRITTEN, fill, useHost } from '../hosts/use-host.js';

describe.each([
  { host: bigIds, type: 'jsonb' },
  { host: textIds, type: 'json' },
])('values in rows of the type $type', ({ host, type }) => {
  const opened = useHost(host);
  const { metadata, instance } =
    type === 'jsonb'
      ? { metadata: 'run_metadata', instance: 'run_id' }
      : { metadata: 'flow_metadata', instance: 'flow_id' };

  /** An instance with a row whose value has this text. */
  async function instanceWith(value: string | null): Promise<string> {
    const id = await opened().insertOne({ city: 'Oslo' });
    await opened().database.query(
      `insert into ${metadata} (${instance}, key, value) values ($1, 'city', $2::text::${type})`,
      [id, value],
    );
    return id;
  }

  async function textOf(id: string): Promise<string | null | undefined> {
    const [row] = await opened().database.query<{ text: string | null }>(
      `select value::text as text from ${metadata} where ${instance} = $1`,
      [id],
    );
    return row?.text;
  }

  async function overwrite(id: InstanceId, value?: JsonValue) {
    const replaces = (await opened().readOne(String(id), ['city'])).stored.get('city');
    if (replaces === undefined) throw new Error('expected a row');
    return opened().commit([
      { id: String(id), values: [{ key: 'city', ...(value !== undefined && { value }), replaces }] },
    ]);
  }

  test.each([null, 'null'])('replace the null of the database and of JSON (%s)', async (value) => {
    const id = await instanceWith(value);
    const other = await opened().insertOne({ city: 'Oslo' });

    const { outcome } = await opened().commit(
      [id, other].map((each) => ({ id: each, values: [fill('city', 'Bergen')] })),
    );

    expect(outcome).toEqual(ALL_WRITTEN);
    expect(await textOf(id)).toBe('"Bergen"');
    expect(await opened().metadata(other)).toEqual({ city: 'Bergen' });
  });

  test('are never replaced by a null to fill, which is stored as null of the database', async () => {
    const [value, empty] = [await instanceWith('false'), await opened().insertOne({})];

    const { outcome } = await opened().commit(
      [value, empty].map((id) => ({ id, values: [fill('city', null)] })),
    );

    expect(outcome?.kept).toEqual([{ id: value, key: 'city' }]);
    expect(await textOf(value)).toBe('false');
    expect(await textOf(empty)).toBeNull();
  });

  test.each(['9007199254740993', '[-3544790567247868102]', '0.1234567890123456789', '1e400'])(
    'that are the number %s are overwritten and deleted by their token',
    async (text) => {
      const ids = [await instanceWith(text), await instanceWith(text)] as const;

      const overwritten = await overwrite(ids[0], 'Oslo');
      const deleted = await overwrite(ids[1]);

      for (const { outcome, transactions } of [overwritten, deleted])
        expect({ outcome, transactions }).toEqual({ outcome: ALL_WRITTEN, transactions: 0 });
      expect(await textOf(ids[0])).toBe('"Oslo"');
      expect(await textOf(ids[1])).toBeUndefined();
    },
  );
});

describe('values in rows with further columns', () => {
  const opened = useHost(oddNames);

  const row = (id: number) =>
    opened().database.query(
      `select "VALUE" as value, "Written By" as by, "Written At" is not null as "isUpdated", "Writes" as writes
       from "Host ""A"""."meta data" where "of instance" = $1`,
      [id],
    );

  test('set those of `insert` when they are inserted, and those of `update` when they replace', async () => {
    const one = opened();
    const id = await one.insertOne({ city: 'Oslo' });

    await one.commit([{ id, values: [fill('city', 'Oslo')] }]);
    expect(await row(id)).toEqual([
      { value: 'Oslo', by: `it's "the" backfill`, isUpdated: false, writes: 1 },
    ]);

    const replaces = (await one.readOne(id, ['city'])).stored.get('city');
    if (replaces === undefined) throw new Error('expected a row');
    await one.commit([{ id, values: [{ key: 'city', value: 'Bergen', replaces }] }]);
    expect(await row(id)).toEqual([
      { value: 'Bergen', by: `it's "the" backfill`, isUpdated: true, writes: 2 },
    ]);
  });

  test('set those of `update` when they replace null', async () => {
    const one = opened();
    const id = await one.insertOne({ city: 'Oslo' });
    await one.setMetadata(id, 'city', null);

    await one.commit([{ id, values: [fill('city', 'Bergen')] }]);

    expect(await row(id)).toEqual([{ value: 'Bergen', by: null, isUpdated: true, writes: 2 }]);
  });
});

describe.each(['text', 'json', 'jsonb'] as const)('with array_nulls = off, values of the type %s', (type) => {
  let pglite: PGlite;
  beforeAll(async () => {
    pglite = await createPglite();
  });
  afterAll(() => pglite.close());

  test('are null of the database where the document has none', async () => {
    await pglite.exec(`
      create table inst (id int primary key, model text not null, doc json);
      create table meta (instance_id int not null, key text not null, value ${type}, unique (instance_id, key));
      insert into inst values (1, 'm', '{}'), (2, 'm', '{"city": "null"}');
      ${createRunTable()};
      set array_nulls = off`);
    const repository = createPostgresRepository({
      database: fromPglite(pglite),
      instances: { table: 'inst', model: 'model' },
      taskData: { column: 'doc' },
      metadata: { table: 'meta', instance: 'instance_id', type },
    });
    await runBackfill({ repository, processModelId: 'm', paths: [{ key: 'city', path: 'city' }] });
    const { rows } = await pglite.query('select value::text as text from meta order by instance_id');
    expect(rows).toEqual([{ text: null }, { text: type === 'text' ? 'null' : '"null"' }]);
  });
});

describe('SQL for further columns', () => {
  const SCHEMA = `
    create table inst (id int generated by default as identity primary key, model text not null, key text, doc json);
    create index on inst (model, id);
    create table meta (instance_id int not null, key text not null, value text, more text, unique (instance_id, key));
    insert into inst (model, key, doc) values ('m', 'business', '{"city": "Oslo"}');
    ${createRunTable()};`;
  let pglite: PGlite;
  beforeAll(async () => {
    pglite = await createPglite();
    await pglite.exec(SCHEMA);
  });
  beforeEach(() => pglite.exec('truncate meta'));
  afterAll(() => pglite.close());

  const repositoryWith = (more: string) =>
    createPostgresRepository({
      database: fromPglite(pglite),
      instances: { table: 'inst', model: 'model' },
      taskData: { column: 'doc' },
      metadata: { table: 'meta', instance: 'instance_id', insert: { more } },
    });

  test.each([
    ['i.key', 'business'],
    ['I.key', 'business'],
    ['"i".key', 'business'],
    [`to_jsonb(i)->>'key'`, 'business'],
    ['(select key from inst where id = i.id)', 'business'],
    [`'I' || 'b'`, 'Ib'],
    ['upper(i.model || key)', 'MBUSINESS'],
  ])('may read the instance: %s', async (sql, expected) => {
    const repository = repositoryWith(sql);
    expect(await repository.check()).toEqual([]);
    const paths = [{ key: 'city', path: 'city' }];
    expect(await runBackfill({ repository, processModelId: 'm', paths })).toMatchObject({ updated: 1 });
    expect((await pglite.query('select more from meta')).rows).toEqual([{ more: expected }]);
  });

  test.each(['key', 'value', 'id', 'token'])('never means a column of the library: %s', async (sql) => {
    await expect(repositoryWith(sql).check()).rejects.toThrow(
      new RegExp(`column "${sql}" does not exist.* write i\\.<column>`),
    );
  });
});

describe('ids at the end of bigint', () => {
  const opened = useHost({
    ...bigIds,
    schema: bigIds.schema.replace('start with 9999999999999900', 'start with 9223372036854775788'),
  });

  test('are filled, read again and passed over', async () => {
    const one = opened();
    const ids: string[] = [];
    for (let count = 0; count < 20; count += 1)
      ids.push(await one.insertOne({ city: 'Oslo' }, { running: false }));
    expect(ids.at(-1)).toBe('9223372036854775807');
    const { repository, processModelId } = one;
    const run = () =>
      runBackfill({ repository, processModelId, paths: [{ key: 'city', path: 'city' }], batchSize: 10 });

    expect(await run()).toMatchObject({ state: 'completed', processed: 20, updated: 20 });
    expect(await run()).toMatchObject({ state: 'completed', processed: 20, updated: 0 });
  });
});
