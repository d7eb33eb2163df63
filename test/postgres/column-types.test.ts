import { runBackfill } from 'process-metadata-backfill';
import { afterEach, describe, expect, test } from 'vitest';
import { pgliteDatabase } from '../../examples/2-embedded-postgres/sql.js';
import { embeddedTables } from '../support/embedded-postgres.js';
import { MODEL } from '../support/instances.js';
import { createPostgresRepository } from '../support/spiff-repository.js';
import { insertInstance, useTables } from '../support/tables.js';

const tables = useTables(embeddedTables);

describe('task data in a column of the type', () => {
  const setType = (type: string) =>
    tables().sql(`alter table json_data alter column data type ${type} using data::${type}`);
  afterEach(() => setType('text'));

  test.each(['text', 'json', 'jsonb'] as const)('%s keeps every digit of its integers', async (type) => {
    await setType(type);
    const host = tables();
    const id = await insertInstance(host);
    await host.addDocument(id, '{"order":{"id":3544790567247868102,"lines":[9007199254740993]}}');
    const repository = createPostgresRepository(pgliteDatabase(host.pglite), {
      taskData: type === 'jsonb' ? 'jsonb' : 'json',
    });
    const paths = [
      { key: 'order_id', path: 'order.id' },
      { key: 'lines', path: 'order.lines' },
    ];

    for (const mode of ['fill', 'overwrite'] as const) {
      const report = await runBackfill({ repository, processModelId: MODEL, paths, mode });
      expect(report).toMatchObject({ state: 'completed', updated: mode === 'fill' ? 1 : 0 });
      expect(await host.metadata(id)).toEqual({
        order_id: '3544790567247868102',
        lines: "['9007199254740993']",
      });
    }
  });
});
