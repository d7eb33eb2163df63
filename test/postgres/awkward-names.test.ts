import type { PGlite } from '@electric-sql/pglite';
import { runBackfill } from 'process-metadata-backfill';
import { createPostgresRepository, createRunTable, fromPglite } from 'process-metadata-backfill/postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPglite } from '../support/pglite.js';

// Tables with the names that the statements of the library might use for themselves, and columns with those of their results.
const TABLES = `
  create table living (
    id serial primary key, key text not null, place text, filled text, metadata jsonb, tenant int not null default 7);
  create table records (id serial primary key, living_id int not null, data jsonb);
  create table page (of int not null, key text not null, value text, tenant int not null, primary key (of, key));
  insert into living (key) select 'm' from generate_series(1, 30);
  insert into records (living_id, data) select id, jsonb_build_object('city', 'city ' || id) from living;`;

let pglite: PGlite;
beforeAll(async () => {
  pglite = await createPglite();
  await pglite.exec(`${TABLES} ${createRunTable()};`);
});
afterAll(() => pglite.close());

const instances = { table: 'living', model: 'key' };
const taskData = {
  type: 'jsonb',
  newest: 'select r.id as version, r.data from records r where r.living_id = i.id order by r.id desc limit 1',
  document: 'newest.data',
} as const;

test.each([
  ['rows', { table: 'page', instance: 'of', insert: { tenant: 'i.tenant' }, update: { tenant: 'i.tenant' } }],
  ['members of a column', { column: 'metadata' }],
] as const)('no name of a host is taken for one of the library: metadata as %s', async (_, metadata) => {
  await pglite.exec(`update records set data = jsonb_build_object('city', 'city ' || id)`);
  const repository = createPostgresRepository({
    database: fromPglite(pglite),
    instances,
    taskData,
    metadata,
  });
  expect((await repository.check()).filter((warning) => !warning.includes('index'))).toEqual([]);

  const paths = [{ key: 'city', path: 'city' }];
  const run = (mode: 'fill' | 'overwrite' | 'remove') =>
    runBackfill({ repository, processModelId: 'm', paths, mode });
  expect(await run('fill')).toMatchObject({ state: 'completed', updated: 30 });
  await pglite.exec(`update records set data = jsonb_build_object('city', 'another')`);
  expect(await run('overwrite')).toMatchObject({ state: 'completed', updated: 30 });
  expect(await run('fill')).toMatchObject({ state: 'completed', updated: 0 });
  if ('table' in metadata) {
    const { rows } = await pglite.query('select distinct value, tenant from page');
    expect(rows).toEqual([{ value: 'another', tenant: 7 }]);
  }
  expect(await run('remove')).toMatchObject({ state: 'completed', processed: 30 });
});

test('the key that the database refuses is found, and the others are written', async () => {
  await pglite.exec(`delete from page; alter table page add check (key <> 'memo' or value <> 'another')`);
  const metadata = { table: 'page', instance: 'of', insert: { tenant: 'i.tenant' } };
  const repository = createPostgresRepository({
    database: fromPglite(pglite),
    instances,
    taskData,
    metadata,
  });
  const paths = [
    { key: 'city', path: 'city' },
    { key: 'memo', path: 'city' },
  ];
  const report = await runBackfill({ repository, processModelId: 'm', paths, limit: 2 });
  expect(report).toMatchObject({ state: 'completed_with_failures', failed: 2, updated: 2 });
  expect(report.failures.map(({ key }) => key)).toEqual(['memo', 'memo']);
});
