import { expect, test } from 'vitest';
import { pgliteDatabase } from '../../examples/2-embedded-postgres/sql.js';
import { recordCases } from '../stores/cases/record-cases.js';
import { fill, write } from '../stores/repository-calls.js';
import { embeddedTables } from '../support/embedded-postgres.js';
import { createPostgresRepository } from '../support/spiff-repository.js';
import { insertInstance, useTables } from '../support/tables.js';

const tables = useTables(embeddedTables);

recordCases(tables);

const THEIRS = `insert into metadata_backfill_run values ('run', 'run', '', 1, null, '"theirs"')`;

test('records are refused that somebody else has created before the statement', async () => {
  const host = tables();
  const database = pgliteDatabase(host.pglite);
  let isFirst = true;
  const racing = createPostgresRepository({
    ...database,
    async query(...statement) {
      if (isFirst) await database.query(THEIRS);
      isFirst = false;
      return database.query(...statement);
    },
  });
  const id = await insertInstance(host);

  const { result } = await write({ repository: racing }, [{ id, values: [fill('city', 'Oslo')] }]);
  expect(result).toEqual({ status: 'conflict' });
  expect(await host.metadata(id)).toEqual({});
});

test('records are refused that somebody else creates while a guarded batch is written', async () => {
  const host = tables();
  const database = pgliteDatabase(host.pglite);
  const racing = createPostgresRepository({
    ...database,
    transaction: (work) =>
      database.transaction((sql) =>
        work({
          async query(text, values) {
            if (text.includes('for share')) await sql.query(THEIRS);
            return sql.query(text, values);
          },
        }),
      ),
  });
  const id = await insertInstance(host);
  await host.setMetadata(id, 'city', 'live'); // so that the batch has to be guarded

  const values = [fill('city', 'Oslo'), fill('town', 'Hamar')];
  const { result } = await write({ repository: racing }, [{ id, values }]);
  expect(result).toEqual({ status: 'conflict' });
  expect(await host.metadata(id)).toEqual({ city: 'live' });
});
