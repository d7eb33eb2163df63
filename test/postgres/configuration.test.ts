import {
  createPostgresRepository,
  type PostgresConfiguration,
  type PostgresDatabase,
} from 'process-metadata-backfill/postgres';
import { expect, test } from 'vitest';

const untouched: PostgresDatabase = {
  query: () => Promise.reject(new Error('nothing may be asked')),
  transaction: () => Promise.reject(new Error('nothing may be asked')),
};

const RIGHT = {
  database: untouched,
  instances: { table: 'instance', model: 'model' },
  taskData: { column: 'data' },
  metadata: { table: 'metadata', instance: 'instance_id' },
} as const;

test('takes the shortest configuration', () => {
  expect(createPostgresRepository(RIGHT)).toMatchObject({
    transactional: false,
    storesNull: true,
    deletes: true,
  });
});

test.each<[what: string, changes: object, problem: string]>([
  ['no connection', { database: undefined }, 'database: expected a connection such as fromPg(pool)'],
  ['an unknown member', { table: 'x' }, 'table: unknown name; expected one of database, instances'],
  [
    'a misspelt member',
    { instances: { table: 'instance', modle: 'm' } },
    'instances.modle: unknown name; did you mean model?',
  ],
  [
    'a missing member',
    { instances: { table: 'instance' } },
    'instances.model: expected a text that is not blank, got nothing',
  ],
  [
    'an unknown id type',
    { instances: { ...RIGHT.instances, id: { type: 'serial' } } },
    "instances.id.type: expected 'int' or 'bigint'",
  ],
  [
    'SQL with a semicolon',
    { instances: { ...RIGHT.instances, where: 'true;' } },
    'instances.where: expected SQL without a semicolon',
  ],
  [
    'SQL with a parameter',
    { instances: { ...RIGHT.instances, running: 'i.a = $1' } },
    'instances.running: expected SQL without a semicolon',
  ],
  [
    'a newest task without a document',
    { taskData: { newest: 'select 1 as version' } },
    'taskData.document: expected SQL',
  ],
  ['no place for the task data', { taskData: {} }, 'taskData.column: expected a text that is not blank'],
  ['an unknown place for metadata', { metadata: { tabel: 'm' } }, 'metadata.tabel: unknown name'],
  [
    'SQL that is no text',
    { metadata: { ...RIGHT.metadata, insert: { at: 1 } } },
    'metadata.insert: expected an object of columns',
  ],
  [
    'a table within two schemas',
    { metadata: { ...RIGHT.metadata, table: 'a.b.c' } },
    "metadata.table: expected 'table' or 'schema.table'",
  ],
  ['a name that is too long', { runs: { table: 'r'.repeat(60) } }, 'runs.table'],
])('refuses %s, before anything is asked', (_, changes, problem) => {
  const create = () => createPostgresRepository({ ...RIGHT, ...changes } as unknown as PostgresConfiguration);
  expect(create).toThrow(problem);
  expect(create).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
});
