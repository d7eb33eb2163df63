import type { PGlite } from '@electric-sql/pglite';
import { runBackfill, verifyBackfill } from 'process-metadata-backfill';
import {
  createPostgresRepository,
  createRunTable,
  fromPglite,
  type PostgresConfiguration,
} from 'process-metadata-backfill/postgres';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createPglite } from '../../support/pglite.js';

const KINDS: readonly { kind: string; metadata: PostgresConfiguration['metadata'] }[] = [
  { kind: 'members of a column', metadata: { column: 'metadata' } },
  { kind: 'rows of the type jsonb', metadata: { table: 'in_jsonb', instance: 'id', type: 'jsonb' } },
  { kind: 'rows of the type json', metadata: { table: 'in_json', instance: 'id', type: 'json' } },
  { kind: 'rows of the type text', metadata: { table: 'in_text', instance: 'id' } },
];

/** As task data may have them. */
const NUMBERS = [
  ...['1e21', '-1E+23', '1.79e308', '5e-324', '1e-7', '-0', '-0.0', '1.50', '0.30000000000000004'],
  ...['12345678901234567890', '1000000000000000000000', '1.2345678901234567e19', '0.1234567890123456789'],
];

const logger = { info() {}, warn() {}, error() {} };

let pglite: PGlite;
beforeAll(async () => {
  pglite = await createPglite();
  await pglite.exec(`
    create table inst (id int primary key, model text, doc json, metadata jsonb);
    create table in_jsonb (id int, key text, value jsonb, unique (id, key));
    create table in_json (id int, key text, value json, unique (id, key));
    create table in_text (id int, key text, value text, unique (id, key));
    ${createRunTable()}`);
});
beforeEach(() => pglite.exec('truncate inst, in_jsonb, in_json, in_text'));
afterAll(() => pglite.close());

const repositoryOf = (metadata: PostgresConfiguration['metadata']) =>
  createPostgresRepository({
    database: fromPglite(pglite),
    instances: { table: 'inst', model: 'model' },
    taskData: { column: 'doc' },
    metadata,
  });

const insertInstance = (doc: string) =>
  pglite.query(`insert into inst values (1, 'm', $1::text::json)`, [doc]);

describe.each(KINDS)('numbers in $kind', ({ metadata }) => {
  test('are equal once they are filled', async () => {
    await insertInstance(`{"of":{${NUMBERS.map((number, at) => `"${at}":${number}`)}},"all":[${NUMBERS}]}`);
    const paths = [
      ...NUMBERS.map((_, at) => ({ key: `number ${at}`, path: `of.${at}` })),
      { key: 'all', path: 'all' },
      { key: 'of', path: 'of' },
    ];
    const options = { repository: repositoryOf(metadata), processModelId: 'm', paths, logger };

    expect(await runBackfill(options)).toMatchObject({ updated: 1, failed: 0 });
    expect(await runBackfill({ ...options, mode: 'overwrite', clear: true })).toMatchObject({ updated: 0 });
    expect(await verifyBackfill({ ...options, differences: 'values' })).toMatchObject({
      verdict: 'equal',
      samples: [],
    });
  });
});

describe.each(KINDS.slice(0, 3))('a number with too many digits for JavaScript, in $kind', ({ metadata }) => {
  test.each([
    ['12345678901234567890', '12345678901234567890'],
    ['[{"id":12345678901234567890}]', '[{"id":12345678901234567890}]'],
    ['1.2345678901234567e19', '12345678901234567890'],
    ['-1e23', '-100000000000000000000001'],
  ])('differs from what %s becomes, and is overwritten: %s', async (found, stored) => {
    const options = await setUp(found, stored);

    expect(await verifyBackfill(options)).toMatchObject({ verdict: 'different' });
    expect(await runBackfill({ ...options, mode: 'overwrite' })).toMatchObject({ updated: 1, failed: 0 });
    expect(await verifyBackfill(options)).toMatchObject({ verdict: 'equal' });
  });

  test('is what the same fraction in task data becomes, because both are rounded', async () => {
    const options = await setUp('0.1234567890123456789', '0.1234567890123456789');

    expect(await verifyBackfill(options)).toMatchObject({ verdict: 'equal' });
  });

  async function setUp(found: string, stored: string) {
    await insertInstance(`{"v":${found}}`);
    if ('column' in metadata)
      await pglite.query(`update inst set metadata = jsonb_build_object('v', $1::text::jsonb)`, [stored]);
    else
      await pglite.query(`insert into ${metadata.table} values (1, 'v', $1::text::${metadata.type})`, [
        stored,
      ]);
    const paths = [{ key: 'v', path: 'v' }];
    return { repository: repositoryOf(metadata), processModelId: 'm', paths, logger };
  }
});
