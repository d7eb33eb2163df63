import { describe, expect, test } from 'vitest';
import { MODEL } from '../../support/instances.js';
import type { KyselyTables } from '../../support/tables.js';
import { recordSqlRepository } from '../plans/recorded.js';
import { fill, path, read, write } from '../repository-calls.js';

const INSTANCES = 10_000;
const KEYS = Array.from({ length: 20 }, (_, index) => `key ${index}`);

/** The largest batch that the library asks for, in databases that take 32,766 or 65,535 parameters. */
export function largeBatchCases(tables: () => KyselyTables, statementsToWrite: number): void {
  describe(`a batch of ${INSTANCES} instances with ${KEYS.length} keys`, () => {
    test('is written and read in a fixed number of statements', { timeout: 180_000 }, async () => {
      const host = tables();
      const instance = { process_model_identifier: MODEL, status: 'waiting' };
      for (let inserted = 0; inserted < INSTANCES; inserted += 1000) {
        await host.database.insertInto('process_instance').values(Array(1000).fill(instance)).execute();
      }
      const { repository, statements } = recordSqlRepository(host);
      const page = { limit: INSTANCES, paths: KEYS.map((key) => path(key)) };
      const writes = (await read({ repository }, page)).map(({ id, version = '' }) => ({
        id,
        version,
        values: KEYS.map((key) => fill(key, `${key} of ${id}`)),
      }));
      const before = statements.length;

      const { result, outcome } = await write({ repository }, writes);

      expect(result).toEqual({ status: 'committed' });
      expect(outcome).toEqual({ gone: [], kept: [], moved: [] });
      const writing = statements.slice(before).filter(({ sql }) => sql.includes('process_instance_metadata'));
      expect(writing).toHaveLength(statementsToWrite);

      const written = await read({ repository }, page);
      expect(written.map(({ id, stored }) => [id, KEYS.map((key) => stored.get(key)?.value)])).toEqual(
        writes.map(({ id, values }) => [id, values.map(({ value }) => value)]),
      );
    });
  });
}
