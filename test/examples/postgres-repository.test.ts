import { readFile } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import type {
  InstanceSnapshot,
  InstanceWrites,
  MetadataWrite,
  PagePath,
  RepositoryCommit,
  RunRecord,
  StoredValue,
  TaskData,
  WriteOutcome,
} from 'process-metadata-backfill';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPostgresRepository } from '../../examples/1-embedded-postgres/postgres-repository.js';
import { pgliteDatabase, pgliteSql } from '../../examples/1-embedded-postgres/sql.js';

const MODEL = 'test_group/invoice_process';
const PATHS = [path('invoice_number', 'fill'), path('city', 'fill')];
const { signal } = new AbortController();

let pglite: PGlite;
let repository: ReturnType<typeof createPostgresRepository>;

beforeAll(async () => {
  pglite = await PGlite.create();
  await pglite.exec(await readFile('examples/1-embedded-postgres/schema.sql', 'utf8'));
  repository = createPostgresRepository(pgliteDatabase(pglite));
}, 60_000);

afterAll(() => pglite.close());

beforeEach(() =>
  pglite.exec(`truncate process_instance, task, json_data, process_instance_metadata, metadata_backfill_run
    restart identity`),
);

describe('the walk', () => {
  test('counts the instances of one model and finds the last of them', async () => {
    await insertThree();
    await insertInstance({ model: 'test_group/other' });

    expect(await survey()).toEqual({ total: 3, upTo: 3 });
    expect(await survey({ after: 1 })).toEqual({ total: 2, upTo: 3 });
    expect(await survey({ limit: 2 })).toEqual({ total: 2, upTo: 2 });
    expect(await survey({ instanceIds: [2, 4, 99] })).toEqual({ total: 1, upTo: 2 });
    expect(await survey({ processModelId: 'test_group/none' })).toEqual({ total: 0, upTo: null });
  });

  test('passes over instances that have every value, in their place among those that lack one', async () => {
    const complete = [...(await insertThree()), ...(await insertThree())].filter((id) => id !== 3);
    for (const id of complete) for (const { key } of PATHS) await insertMetadata(id, key, 'a value');
    await insertInstance();

    const page = async (query: Query) =>
      (await readPage(query)).map((entry) => ('complete' in entry ? entry : entry.id));
    expect(await page({})).toEqual([{ cursor: 2, complete: 2 }, 3, { cursor: 6, complete: 3 }, 7]);
    expect(await page({ limit: 1 })).toEqual([{ cursor: 2, complete: 2 }, 3]);
    expect(await page({ after: 3, upTo: 5 })).toEqual([{ cursor: 5, complete: 2 }]);
    expect(await page({ paths: PATHS.map((path) => ({ ...path, mode: 'overwrite' })) })).toEqual([
      1, 2, 3, 4, 5, 6, 7,
    ]);
  });

  test('reads pages in ascending order, after the cursor, up to the bound, and no longer than the limit', async () => {
    await insertThree();
    await insertInstance({ model: 'test_group/other' });
    await insertThree();

    const ids = async (query: Parameters<typeof read>[0]) => (await read(query)).map(({ id }) => id);
    expect(await ids({})).toEqual([1, 2, 3, 5, 6, 7]);
    expect(await ids({ limit: 2 })).toEqual([1, 2]);
    expect(await ids({ after: 2, upTo: 6 })).toEqual([3, 5, 6]);
    expect(await ids({ after: 7 })).toEqual([]);
    expect(await ids({ instanceIds: [7, 5, 4, 1], after: 1 })).toEqual([5, 7]);
  });

  test('begins a page with the lowest id, in whatever order the table is scanned', async () => {
    await insertThree();
    await pglite.query(`update process_instance set status = 'moved to the end of the table' where id = 1`);
    await pglite.exec(
      'set enable_indexscan = off; set enable_indexonlyscan = off; set enable_bitmapscan = off',
    );

    const page = await read({ limit: 2 }).finally(() => pglite.exec('reset all'));

    expect(page.map(({ id }) => id)).toEqual([1, 2]);
  });
});

describe('the task data', () => {
  test('is that of the completed task that ended last', async () => {
    const id = await insertInstance();
    await insertTask(id, { guid: 'b', end: 10, data: '{"city": "first"}' });
    await insertTask(id, { guid: 'a', end: 30.5, data: '{"city": "last"}' });
    await insertTask(id, { guid: 'c', end: 30.25, data: '{"city": "before the last"}' });
    await insertTask(id, { guid: 'd', end: 40, data: '{"city": "not done"}', state: 'STARTED' });

    expect((await readOne()).data).toEqual(cityIs('last'));
  });

  test('is that of a task without an end only when none has one, and of the lower id among equals', async () => {
    const timed = await insertInstance();
    await insertTask(timed, { guid: 'a', end: null, data: '{"city": "endless"}' });
    await insertTask(timed, { guid: 'c', end: 10, data: '{"city": "higher id"}' });
    await insertTask(timed, { guid: 'b', end: 10, data: '{"city": "lower id"}' });
    const endless = await insertInstance();
    await insertTask(endless, { guid: 'e', end: null, data: '{"city": "higher endless id"}' });
    await insertTask(endless, { guid: 'd', end: null, data: '{"city": "lower endless id"}' });

    expect((await read()).map(({ data }) => data)).toEqual([cityIs('lower id'), cityIs('lower endless id')]);
  });

  test('is none for an instance without a completed task', async () => {
    await insertTask(await insertInstance(), { state: 'READY', data: '{}' });

    expect(await readOne()).toMatchObject({ data: { form: 'none' } });
  });

  test('arrives as it is when it is broken or lost, along with its page', async () => {
    await insertTask(await insertInstance(), { data: '{ "invoice": ' });
    await insertTask(await insertInstance(), { data: null, hash: 'lost' });
    await insertTask(await insertInstance(), { data: '{"city":"\\u0000"}' });

    expect((await read()).map(({ data }) => data)).toEqual([
      { form: 'json', text: '{ "invoice": ' },
      { form: 'unreadable', reason: 'there is no json_data lost' },
      cityIs('\u0000'),
    ]);
  });

  test('stays in the database when each key is to be filled and has its value', async () => {
    const id = await insertInstance();
    await insertTask(id, { data: '{"city": "Oslo"}' });
    await insertMetadata(id, 'invoice_number', 'INV-1');

    expect((await readOne()).data).toEqual(cityIs('Oslo'));
    await insertMetadata(id, 'city', 'Oslo');
    expect(await readPage()).toEqual([{ cursor: id, complete: 1 }]);
    expect((await readOne({ paths: [path('city', 'overwrite')] })).data).toEqual(cityIs('Oslo'));
  });
});

describe('the rows of a page', () => {
  test('are those of its instances under its keys', async () => {
    const [first, second] = await insertThree();
    await insertMetadata(first, 'invoice_number', 'INV-1');
    await insertMetadata(first, 'customer_id', 'C-1');
    await insertMetadata(second, 'city', '');

    const page = await read();
    expect(page.map(({ stored }) => [...stored].map(([key, { value }]) => [key, value]))).toEqual([
      [['invoice_number', 'INV-1']],
      [['city', '']],
      [],
    ]);
  });

  test('have a token that changes with the row', async () => {
    const id = await insertInstance();
    await insertMetadata(id, 'city', 'Oslo');
    const before = storedValue(await readOne(), 'city');

    await pglite.query(`update process_instance_metadata set value = 'Oslo'`);

    expect(storedValue(await readOne(), 'city')).toEqual({ value: 'Oslo', token: expect.any(String) });
    expect(storedValue(await readOne(), 'city').token).not.toBe(before.token);
  });

  test('come under odd keys, too', async () => {
    const id = await insertInstance();
    for (const key of ODD_KEYS) await insertMetadata(id, key, `value of ${key}`);

    const { stored } = await readOne({ paths: [...ODD_KEYS, 'none'].map((key) => path(key, 'fill')) });
    expect([...stored.keys()].sort()).toEqual([...ODD_KEYS].sort());
  });
});

describe('writing', () => {
  test('fills what is not there and tells what it kept', async () => {
    const [first, second] = await insertThree();
    await insertMetadata(first, 'city', 'Oslo');

    const { result, outcome } = await write([
      { id: first, values: [fill('invoice_number', 'INV-1'), fill('city', 'Bergen')] },
      { id: second, values: [fill('city', 'Bergen')] },
    ]);

    expect(result).toEqual({ status: 'committed' });
    expect(outcome).toEqual({ gone: [], kept: [{ id: first, key: 'city' }] });
    expect(await metadata(first)).toEqual({ city: 'Oslo', invoice_number: 'INV-1' });
    expect(await metadata(second)).toEqual({ city: 'Bergen' });
  });

  test('sets both times by the clock of the database, and only the later one when it replaces', async () => {
    const id = await insertInstance();
    await insertMetadata(id, 'city', 'Oslo');
    const replaces = storedValue(await readOne(), 'city');

    await write([
      { id, values: [fill('invoice_number', 'INV-1'), { key: 'city', value: 'Bergen', replaces }] },
    ]);

    const { rows } =
      await pglite.query(`select key, created_at_in_seconds > 0 as created, updated_at_in_seconds
      between extract(epoch from now()) - 60 and extract(epoch from now()) + 1 as updated
      from process_instance_metadata order by key`);
    expect(rows).toEqual([
      { key: 'city', created: false, updated: true },
      { key: 'invoice_number', created: true, updated: true },
    ]);
  });

  test('keeps a value that a live instance wrote after the read', async () => {
    const id = await insertInstance();
    await insertMetadata(id, 'city', 'Oslo');
    const replaces = storedValue(await readOne(), 'city');
    await pglite.query(`update process_instance_metadata set value = 'Bergen'`);
    await insertMetadata(id, 'invoice_number', 'INV-live');

    const { outcome } = await write([
      { id, values: [fill('invoice_number', 'INV-1'), { key: 'city', value: 'Tromsø', replaces }] },
    ]);

    expect(sorted(outcome.kept)).toEqual([
      { id, key: 'city' },
      { id, key: 'invoice_number' },
    ]);
    expect(await metadata(id)).toEqual({ city: 'Bergen', invoice_number: 'INV-live' });
  });

  test('does not put back a row that was deleted after the read', async () => {
    const id = await insertInstance();
    await insertMetadata(id, 'city', 'Oslo');
    const replaces = storedValue(await readOne(), 'city');
    await pglite.query('delete from process_instance_metadata');

    const { outcome } = await write([{ id, values: [{ key: 'city', value: 'Bergen', replaces }] }]);

    expect(outcome.kept).toEqual([{ id, key: 'city' }]);
    expect(await metadata(id)).toEqual({});
  });

  test('calls an instance gone that was deleted after the read, with or without values for it', async () => {
    const [first, second, third] = await insertThree();
    await pglite.query('delete from process_instance where id <> $1', [second]);

    const { outcome } = await write([
      { id: first, values: [fill('city', 'Oslo')], version: 'seen while it lived' },
      { id: second, values: [fill('city', 'Bergen')] },
      { id: third, values: [] },
    ]);

    expect(outcome).toEqual({ gone: [first, third], kept: [] });
    expect(await metadata(second)).toEqual({ city: 'Bergen' });
  });

  test('takes keys and values of any kind as data', async () => {
    const id = await insertInstance();

    const { outcome } = await write([{ id, values: ODD_KEYS.map((key) => fill(key, `value of ${key}`)) }]);

    expect(outcome.kept).toEqual([]);
    expect(await metadata(id)).toEqual(Object.fromEntries(ODD_KEYS.map((key) => [key, `value of ${key}`])));
  });

  test('rejects a value that PostgreSQL cannot hold, by its code and with nothing changed', async () => {
    const [first, second] = await insertThree();
    const values = [fill('city', 'Os\u0000lo')];

    await expect(
      write([
        { id: first, values: [fill('city', 'Bergen')] },
        { id: second, values },
      ]),
    ).rejects.toMatchObject({ code: '22P05' });

    expect(await metadata(first)).toEqual({});
    expect(await repository.loadRun('run')).toEqual([]);
  });
});

describe('an instance that is still running', () => {
  test('is read with a version, one that has ended is not', async () => {
    for (const status of [
      'user_input_required',
      'waiting',
      'not_started',
      'complete',
      'error',
      'terminated',
    ]) {
      await insertInstance({ status });
    }

    expect((await read()).map(({ running, version }) => [running, typeof version])).toEqual([
      [true, 'string'],
      [true, 'string'],
      [true, 'string'],
      [undefined, 'undefined'],
      [undefined, 'undefined'],
      [undefined, 'undefined'],
    ]);
  });

  test('is stale once it completed another task, and then nothing is changed', async () => {
    const [ended, waiting, starting] = await insertThree({ status: 'user_input_required' });
    await insertTask(waiting, { end: 10, data: '"before"' });
    const writes = (await read()).map(
      ({ id, version }): InstanceWrites<number> => ({
        id,
        values: [fill('city', 'Oslo')],
        ...(id !== ended && version !== undefined && { version }),
      }),
    );

    await insertTask(starting, { end: 20, data: '"its first"' });
    expect((await write(writes)).result).toEqual({ status: 'stale', instanceIds: [starting] });
    await insertTask(waiting, { end: 20, data: '"after"' });
    await insertTask(ended, { end: 20, data: '"not compared"' });
    expect((await write(writes)).result).toEqual({ status: 'stale', instanceIds: [waiting, starting] });

    expect(await metadata(ended)).toEqual({});
    expect(await repository.loadRun('run')).toEqual([]);
  });

  test('is not stale when its newest data is what was read', async () => {
    const id = await insertInstance({ status: 'waiting' });
    await insertTask(id, { end: 10, data: '"newest"' });
    const { version = '' } = await readOne();
    await insertTask(id, { end: 5, data: '"older"' });

    expect((await write([{ id, version, values: [fill('city', 'Oslo')] }])).result).toEqual({
      status: 'committed',
    });
  });
});

describe('records', () => {
  test('come back as they were stored, in any characters', async () => {
    const content = {
      text: 'NUL \u0000, half a \ud83d pair, "quotes" and ünïcode',
      list: [1.5, null],
      ['__proto__']: { z: 1 },
    };
    const stored = [record({ content }), record({ id: 'run_0', activeKey: null })];
    await store(stored);

    expect((await repository.loadRun('run')).toSorted((a, b) => a.id.length - b.id.length)).toEqual(stored);
    expect(await repository.loadRun('another')).toEqual([]);
  });

  test('are refused, with all that would have been written, when a revision is not the stored one', async () => {
    const id = await insertInstance();
    await store([record({ revision: 7 })]);

    for (const revision of [null, 6, 8]) {
      const { result } = await write([{ id, values: [fill('city', 'Oslo')] }], {
        expected: [{ id: 'run', revision }],
        next: () => [record({ revision: 9 })],
      });
      expect(result).toEqual({ status: 'conflict' });
    }

    expect(await metadata(id)).toEqual({});
    expect(await repository.loadRun('run')).toEqual([record({ revision: 7 })]);
  });

  test('are refused when one that is expected does not exist', async () => {
    const commit = { expected: [{ id: 'run', revision: 1 }], next: () => [record({ revision: 2 })] };
    expect((await write([], commit)).result).toEqual({ status: 'conflict' });
    expect(await repository.loadRun('run')).toEqual([]);
  });

  test('are refused when one of them is created by somebody else in the meantime', async () => {
    const database = pgliteDatabase(pglite);
    const racing = createPostgresRepository({
      ...database,
      transaction: (work) =>
        database.transaction((sql) =>
          work({
            async query(text, values) {
              const insert = `insert into metadata_backfill_run values ('run', 'run', '', 1, null, '"theirs"')`;
              if (text.includes('for share')) await sql.query(insert);
              return sql.query(text, values);
            },
          }),
        ),
    });
    const id = await insertInstance();

    const { commit } = commitOf([{ id, values: [fill('city', 'Oslo')] }]);
    expect(await racing.commit(commit)).toEqual({ status: 'conflict' });
    expect(await metadata(id)).toEqual({});
  });

  test('are refused, with all that was written before, when another one holds the active key', async () => {
    const id = await insertInstance();
    await store([record({ id: 'older', runId: 'older', activeKey: 'same request' })]);
    await store([record({ activeKey: null })]);

    const inserted = await write([{ id, values: [fill('city', 'Oslo')] }], {
      expected: [{ id: 'newer', revision: null }],
      next: () => [record({ id: 'newer', runId: 'newer', activeKey: 'same request' })],
    });
    const updated = await write([{ id, values: [fill('city', 'Oslo')] }], {
      expected: [{ id: 'run', revision: 1 }],
      next: () => [record({ revision: 2, activeKey: 'same request' })],
    });

    expect([inserted.result, updated.result]).toEqual([{ status: 'conflict' }, { status: 'conflict' }]);
    expect(await metadata(id)).toEqual({});
    expect(await repository.loadRun('newer')).toEqual([]);
  });

  test('are not stored while an instance is left in a range that was to be exhausted', async () => {
    await insertThree();
    const finish = (after: number | null, upTo: number, instanceIds: number[] | null = null) =>
      write([], { exhausted: { processModelId: MODEL, instanceIds, after, upTo } });

    expect((await finish(2, 3)).result).toEqual({ status: 'not-exhausted' });
    expect((await finish(null, 1)).result).toEqual({ status: 'not-exhausted' });
    expect(await repository.loadRun('run')).toEqual([]);
    expect((await finish(null, 3, [99])).result).toEqual({ status: 'committed' });
    await pglite.query('delete from process_instance where id = 3');
    expect((await finish(2, 3)).result).toEqual({ status: 'conflict' });
  });

  test('are found newest first, by model and activity, without those of shards', async () => {
    await store([
      record({ id: 'B', runId: 'B', activeKey: 'b' }),
      record({ id: 'B_0', runId: 'B', activeKey: null }),
    ]);
    await store([record({ id: 'a', runId: 'a', activeKey: null })]);
    await store([record({ id: 'C', runId: 'C', activeKey: 'c', processModelId: 'test_group/other' })]);
    const none = { processModelId: null, activeKey: null, active: null, before: null, limit: 10 };
    const found = async (filter: Partial<Parameters<typeof repository.findRuns>[0]>) =>
      (await repository.findRuns({ ...none, ...filter })).map(({ id }) => id);

    expect(await found({})).toEqual(['a', 'C', 'B']);
    expect(await found({ processModelId: MODEL })).toEqual(['a', 'B']);
    expect(await found({ active: true })).toEqual(['C', 'B']);
    expect(await found({ active: false })).toEqual(['a']);
    expect(await found({ activeKey: 'b' })).toEqual(['B']);
    expect(await found({ before: 'a', limit: 1 })).toEqual(['C']);
  });
});

describe("a host's transaction", () => {
  test('commits or rolls back along with what was committed in it', async () => {
    const create = (id: string, isKept: boolean) =>
      pglite.transaction(async (transaction) => {
        await transaction.query(
          `insert into process_instance (process_model_identifier, status) values ($1, '')`,
          [id],
        );
        const { result } = await store([record({ id, runId: id, activeKey: id })], pgliteSql(transaction));
        expect(result).toEqual({ status: 'committed' });
        if (!isKept) await transaction.rollback();
      });

    await create('kept', true);
    await create('undone', false);

    const { rows } = await pglite.query('select process_model_identifier as id from process_instance');
    expect(rows).toEqual([{ id: 'kept' }]);
    expect(await repository.loadRun('kept')).toHaveLength(1);
    expect(await repository.loadRun('undone')).toEqual([]);
  });

  test('goes on after a commit in it that met another writer, and was written guarded', async () => {
    const [live, empty] = await insertThree();
    await insertMetadata(live, 'city', 'live');

    await pglite.transaction(async (transaction) => {
      const { commit, told } = commitOf(
        [live, empty].map((id) => ({ id, values: [fill('city', 'Oslo')] })),
        { expected: [] },
      );
      const result = await repository.commit(commit, { transaction: pgliteSql(transaction) });
      expect(result).toEqual({ status: 'committed' });
      expect(told.outcome).toEqual({ gone: [], kept: [{ id: live, key: 'city' }] });
      await transaction.query(`update process_instance set status = 'the host went on'`);
    });

    expect(await metadata(live)).toEqual({ city: 'live' });
    expect(await metadata(empty)).toEqual({ city: 'Oslo' });
    const { rows } = await pglite.query('select distinct status from process_instance');
    expect(rows).toEqual([{ status: 'the host went on' }]);
  });

  test('goes on after a commit in it that was refused or failed', async () => {
    await store([record({ activeKey: 'same request' })]);
    const instance = await insertInstance();

    await pglite.transaction(async (transaction) => {
      const sql = pgliteSql(transaction);
      const taken = await store([record({ id: 'newer', runId: 'newer', activeKey: 'same request' })], sql);
      expect(taken.result).toEqual({ status: 'conflict' });
      expect((await store([record({})], sql)).result).toEqual({ status: 'conflict' });
      const { commit } = commitOf([{ id: instance, values: [fill('k'.repeat(256), 'too long a key')] }], {
        expected: [],
      });
      const failed = repository.commit(commit, { transaction: sql });
      await expect(failed).rejects.toMatchObject({ code: '22001' });
      await transaction.query(`update process_instance set status = 'the host went on'`);
    });

    const { rows } = await pglite.query('select status from process_instance');
    expect(rows).toEqual([{ status: 'the host went on' }]);
  });
});

const ODD_KEYS = [
  `it's "quoted" \\ and {braced}, (both)`,
  `'); drop table process_instance_metadata; --`,
  'größe 価格 🧾',
  '__proto__',
  'null',
  '$1',
];

function path(key: string, mode: PagePath['mode']): PagePath {
  return { key, segments: [key], mode };
}

function cityIs(city: string): TaskData {
  return { form: 'values', values: new Map([['city', city]]) };
}

function fill(key: string, value: string): MetadataWrite {
  return { key, value };
}

function record(fields: Partial<RunRecord>): RunRecord {
  return {
    id: 'run',
    runId: 'run',
    processModelId: MODEL,
    revision: 1,
    activeKey: 'key',
    content: {},
    ...fields,
  };
}

function survey(query: Partial<Parameters<typeof repository.surveyInstances>[0]> = {}) {
  return repository.surveyInstances({
    processModelId: MODEL,
    instanceIds: null,
    after: null,
    limit: null,
    signal,
    ...query,
  });
}

type Query = Partial<Parameters<typeof repository.readInstances>[0]>;

/** What the page shows one by one. */
async function read(query: Query = {}): Promise<InstanceSnapshot<number>[]> {
  return (await readPage(query)).filter((entry): entry is InstanceSnapshot<number> => !('complete' in entry));
}

function readPage(query: Query = {}) {
  return repository.readInstances({
    processModelId: MODEL,
    instanceIds: null,
    after: null,
    upTo: 1000,
    limit: 100,
    paths: PATHS,
    signal,
    ...query,
  });
}

async function readOne(query: Parameters<typeof read>[0] = {}): Promise<InstanceSnapshot<number>> {
  const [snapshot] = await read(query);
  if (snapshot === undefined) throw new Error('expected an instance');
  return snapshot;
}

function storedValue({ stored }: InstanceSnapshot<number>, key: string): StoredValue {
  const value = stored.get(key);
  if (value === undefined) throw new Error(`expected a row under ${key}`);
  return value;
}

/** A commit that creates the record of a run, and what it is told of its writes. */
function commitOf(
  instances: readonly InstanceWrites<number>[],
  fields: Partial<RepositoryCommit<number>> = {},
) {
  const told: { outcome: WriteOutcome<number> } = { outcome: { gone: [], kept: [] } };
  const { next = () => [record({})], ...rest } = fields;
  const commit: RepositoryCommit<number> = {
    processModelId: MODEL,
    expected: [{ id: 'run', revision: null }],
    instances,
    ...rest,
    next(outcome) {
      told.outcome = outcome;
      return next(outcome);
    },
  };
  return { commit, told };
}

async function write(
  instances: readonly InstanceWrites<number>[],
  fields?: Partial<RepositoryCommit<number>>,
) {
  const { commit, told } = commitOf(instances, fields);
  return { result: await repository.commit(commit), outcome: told.outcome };
}

async function store(records: readonly RunRecord[], transaction?: ReturnType<typeof pgliteSql>) {
  const expected = records.map(({ id }) => ({ id, revision: null }));
  const { commit } = commitOf([], { expected, next: () => records });
  return { result: await repository.commit(commit, transaction ? { transaction } : {}) };
}

function sorted(kept: WriteOutcome<number>['kept']) {
  return kept.toSorted((a, b) => a.id - b.id || (a.key < b.key ? -1 : 1));
}

async function insertInstance({ model = MODEL, status = 'complete' } = {}): Promise<number> {
  const { rows } = await pglite.query<{ id: number }>(
    'insert into process_instance (process_model_identifier, status) values ($1, $2) returning id',
    [model, status],
  );
  return rows[0]?.id ?? Number.NaN;
}

async function insertThree(fields?: Parameters<typeof insertInstance>[0]): Promise<[number, number, number]> {
  return [await insertInstance(fields), await insertInstance(fields), await insertInstance(fields)];
}

let inserted = 0;

async function insertTask(
  instanceId: number,
  fields: { guid?: string; state?: string; end?: number | null; data: string | null; hash?: string },
) {
  inserted += 1;
  const { guid = `task ${inserted}`, state = 'COMPLETED', end = 1, data, hash = `hash ${inserted}` } = fields;
  await pglite.query('insert into task values ($1, $2, $3, $4, $5)', [guid, instanceId, state, hash, end]);
  if (data !== null) await pglite.query('insert into json_data values ($1, $2)', [hash, data]);
}

async function insertMetadata(instanceId: number, key: string, value: string) {
  await pglite.query('insert into process_instance_metadata values (default, $1, $2, $3, 0, 0)', [
    instanceId,
    key,
    value,
  ]);
}

async function metadata(instanceId: number): Promise<Record<string, string>> {
  const { rows } = await pglite.query<{ key: string; value: string }>(
    'select key, value from process_instance_metadata where process_instance_id = $1',
    [instanceId],
  );
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}
