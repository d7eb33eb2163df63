import { describe, expect, test } from 'vitest';
import type { TablesFixture } from '../../testing/fixtures/tables-fixture.js';
import { record, store } from '../repository-calls.js';

/** How a database must keep the records of runs, beyond the conformance cases. */
export function recordCases(tables: () => TablesFixture): void {
  describe('records', () => {
    test('come back whole, also where they are longer than 65,535 bytes', async () => {
      const host = tables();
      const stored = record({ content: { long: 'ü'.repeat(100_000) } });
      await store(host, [stored]);

      expect(await host.repository.loadRun('run')).toEqual([stored]);
    });

    test('are sorted by the code of their letters, as JavaScript sorts them', async () => {
      const host = tables();
      for (const id of ['B', 'a', 'C']) await store(host, [record({ id, runId: id, activeKey: null })]);
      const all = { processModelId: null, activeKey: null, active: null, before: null, limit: 10 };
      const found = async (before: string | null) =>
        (await host.repository.findRuns({ ...all, before })).map(({ id }) => id);

      expect(await found(null)).toEqual(['a', 'C', 'B']);
      expect(await found('a')).toEqual(['C', 'B']);
    });
  });
}
