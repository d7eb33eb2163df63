import { expect, test } from 'vitest';
import { createPostgresRepository } from '../../../examples/2-embedded-postgres/postgres-repository.js';
import { pgliteDatabase } from '../../../examples/2-embedded-postgres/sql.js';
import { recordCases } from '../../stores/cases/record-cases.js';
import { fill, write } from '../../stores/repository-calls.js';
import { embeddedTables } from '../../support/embedded-postgres.js';
import { insertInstance, useTables } from '../../support/tables.js';

const tables = useTables(embeddedTables);

recordCases(tables);

test('records are refused when one of them is created by somebody else in the meantime', async () => {
  const host = tables();
  const database = pgliteDatabase(host.pglite);
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
  const id = await insertInstance(host);

  const { result } = await write({ repository: racing }, [{ id, values: [fill('city', 'Oslo')] }]);
  expect(result).toEqual({ status: 'conflict' });
  expect(await host.metadata(id)).toEqual({});
});
