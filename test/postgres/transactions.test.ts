import { describe, expect, test } from 'vitest';
import { pgliteSql } from '../../examples/2-embedded-postgres/sql.js';
import { fill, record, store, write } from '../stores/repository-calls.js';
import { embeddedTables } from '../support/embedded-postgres.js';
import { insertInstance, insertThree, useTables } from '../support/tables.js';

const tables = useTables(embeddedTables);

describe("a host's transaction", () => {
  test('goes on after a commit in it that met another writer, and was written guarded', async () => {
    const host = tables();
    const [live, empty] = await insertThree(host);
    await host.setMetadata(live, 'city', 'live');

    await host.pglite.transaction(async (transaction) => {
      const writes = [live, empty].map((id) => ({ id, values: [fill('city', 'Oslo')] }));
      const options = { transaction: pgliteSql(transaction) };
      const { result, outcome } = await write(host, writes, { expected: [] }, options);
      expect(result).toEqual({ status: 'committed' });
      expect(outcome).toEqual({ gone: [], kept: [{ id: live, key: 'city' }], moved: [] });
      await transaction.query(`update process_instance set status = 'the host went on'`);
    });

    expect(await host.metadata(live)).toEqual({ city: 'live' });
    expect(await host.metadata(empty)).toEqual({ city: 'Oslo' });
    const { rows } = await host.pglite.query('select distinct status from process_instance');
    expect(rows).toEqual([{ status: 'the host went on' }]);
  });

  test('goes on after a commit in it that was refused or failed', async () => {
    const host = tables();
    await store(host, [record({ activeKey: 'same request' })]);
    const instance = await insertInstance(host);

    await host.pglite.transaction(async (transaction) => {
      const options = { transaction: pgliteSql(transaction) };
      const newer = record({ id: 'newer', runId: 'newer', activeKey: 'same request' });
      expect(await store(host, [newer], options)).toEqual({ status: 'conflict' });
      expect(await store(host, [record({})], options)).toEqual({ status: 'conflict' });
      const writes = [{ id: instance, values: [fill('k'.repeat(256), 'too long a key')] }];
      await expect(write(host, writes, { expected: [] }, options)).rejects.toMatchObject({ code: '22001' });
      await transaction.query(`update process_instance set status = 'the host went on'`);
    });

    const { rows } = await host.pglite.query('select status from process_instance');
    expect(rows).toEqual([{ status: 'the host went on' }]);
  });
});
