import { describe, expect, test } from 'vitest';
import { MODEL } from '../../support/instances.js';
import { fill, record, store, write } from '../repository-calls.js';
import type { StoreHost } from '../sql-host.js';

/** How any repository must keep the records of runs. */
export function recordCases(host: StoreHost): void {
  const loadRun = (runId: string) => host.repository.loadRun(runId);

  describe('records', () => {
    test('come back as they were stored, in any characters', async () => {
      const content = {
        text: 'NUL \u0000, half a \ud83d pair, "quotes" and ünïcode 🧾',
        list: [1.5, null],
        ['__proto__']: { z: 1 },
        long: 'x'.repeat(100_000),
      };
      const stored = [record({ content }), record({ id: 'run_0', activeKey: null })];
      await store(host, stored);

      expect((await loadRun('run')).toSorted((a, b) => a.id.length - b.id.length)).toEqual(stored);
      expect(await loadRun('another')).toEqual([]);
    });

    test('are refused, with all that would have been written, when a revision is not the stored one', async () => {
      const id = await host.insertInstance();
      await store(host, [record({ revision: 7 })]);

      for (const revision of [null, 6, 8]) {
        const { result } = await write(host, [{ id, values: [fill('city', 'Oslo')] }], {
          expected: [{ id: 'run', revision }],
          next: () => [record({ revision: 9 })],
        });
        expect(result).toEqual({ status: 'conflict' });
      }

      expect(await host.metadata(id)).toEqual({});
      expect(await loadRun('run')).toEqual([record({ revision: 7 })]);
    });

    test('are refused when one that is expected does not exist', async () => {
      const commit = { expected: [{ id: 'run', revision: 1 }], next: () => [record({ revision: 2 })] };

      expect((await write(host, [], commit)).result).toEqual({ status: 'conflict' });
      expect(await loadRun('run')).toEqual([]);
    });

    test('are refused, with all that was written before, when another one holds the active key', async () => {
      const id = await host.insertInstance();
      await store(host, [record({ id: 'older', runId: 'older', activeKey: 'same request' })]);
      await store(host, [record({ activeKey: null })]);

      const inserted = await write(host, [{ id, values: [fill('city', 'Oslo')] }], {
        expected: [{ id: 'newer', revision: null }],
        next: () => [record({ id: 'newer', runId: 'newer', activeKey: 'same request' })],
      });
      const updated = await write(host, [{ id, values: [fill('city', 'Oslo')] }], {
        expected: [{ id: 'run', revision: 1 }],
        next: () => [record({ revision: 2, activeKey: 'same request' })],
      });

      expect([inserted.result, updated.result]).toEqual([{ status: 'conflict' }, { status: 'conflict' }]);
      expect(await host.metadata(id)).toEqual({});
      expect(await loadRun('newer')).toEqual([]);
      expect(await loadRun('run')).toEqual([record({ activeKey: null })]);
    });

    test('are not stored while an instance is left in a range that was to be exhausted', async () => {
      const [first, second, third] = await host.insertThree();
      const finish = async (after: number | null, upTo: number, instanceIds: number[] | null = null) => {
        const exhausted = { processModelId: MODEL, instanceIds, after, upTo };
        return (await write(host, [], { exhausted })).result.status;
      };

      expect(await finish(second, third)).toBe('not-exhausted');
      expect(await finish(null, first)).toBe('not-exhausted');
      expect(await loadRun('run')).toEqual([]);
      expect(await finish(null, third, [99_999])).toBe('committed');
      await host.deleteInstance(third);
      expect(await finish(second, third)).toBe('conflict');
    });

    test('are found newest first, by model and activity, without those of shards', async () => {
      await store(host, [
        record({ id: 'B', runId: 'B', activeKey: 'b' }),
        record({ id: 'B_0', runId: 'B', activeKey: null }),
      ]);
      await store(host, [record({ id: 'a', runId: 'a', activeKey: null })]);
      await store(host, [
        record({ id: 'C', runId: 'C', activeKey: 'c', processModelId: 'test_group/other' }),
      ]);
      const none = { processModelId: null, activeKey: null, active: null, before: null, limit: 10 };
      const found = async (filter: Partial<Parameters<typeof host.repository.findRuns>[0]>) =>
        (await host.repository.findRuns({ ...none, ...filter })).map(({ id }) => id);

      expect(await found({})).toEqual(['a', 'C', 'B']);
      expect(await found({ processModelId: MODEL })).toEqual(['a', 'B']);
      expect(await found({ active: true })).toEqual(['C', 'B']);
      expect(await found({ active: false })).toEqual(['a']);
      expect(await found({ activeKey: 'b' })).toEqual(['B']);
      expect(await found({ activeKey: 'B' })).toEqual([]);
      expect(await found({ before: 'a', limit: 1 })).toEqual(['C']);
    });
  });

  describe('of several commits at the same time', () => {
    test('exactly one advances a record, and only its values are written', async () => {
      const ids = await host.insertThree();
      await store(host, [record({})]);

      const results = await Promise.all(
        ids.map((id) =>
          write(host, [{ id, values: [fill('city', `of ${id}`)] }], {
            expected: [{ id: 'run', revision: 1 }],
            next: () => [record({ revision: 2, content: { winner: id } })],
          }),
        ),
      );

      const winners = ids.filter((_, index) => results[index]?.result.status === 'committed');
      expect(results.map(({ result }) => result.status).toSorted()).toEqual([
        'committed',
        'conflict',
        'conflict',
      ]);
      expect(await loadRun('run')).toEqual([
        record({ revision: 2, content: { winner: winners[0] ?? null } }),
      ]);
      for (const id of ids) {
        expect(await host.metadata(id)).toEqual(winners.includes(id) ? { city: `of ${id}` } : {});
      }
    });

    test('exactly one creates a record, or takes an active key', async () => {
      const sameId = await Promise.all([1, 2, 3].map(() => store(host, [record({})])));
      const sameKey = await Promise.all(
        [1, 2, 3].map((n) => store(host, [record({ id: `r${n}`, runId: `r${n}`, activeKey: 'taken once' })])),
      );

      for (const results of [sameId, sameKey]) {
        expect(results.map(({ status }) => status).toSorted()).toEqual(['committed', 'conflict', 'conflict']);
      }
    });
  });
}
