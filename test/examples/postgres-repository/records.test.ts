import { describe, expect, test } from 'vitest';
import { createPostgresRepository } from '../../../examples/1-embedded-postgres/postgres-repository.js';
import { pgliteDatabase } from '../../../examples/1-embedded-postgres/sql.js';
import { fill, record, store, write } from '../../stores/repository-calls.js';
import { MODEL } from '../../support/instances.js';
import { usePostgresHost } from './postgres-host.js';

const host = usePostgresHost();

describe('records', () => {
  test('come back as they were stored, in any characters', async () => {
    const content = {
      text: 'NUL \u0000, half a \ud83d pair, "quotes" and ünïcode',
      list: [1.5, null],
      ['__proto__']: { z: 1 },
    };
    const stored = [record({ content }), record({ id: 'run_0', activeKey: null })];
    await store(host, stored);

    expect((await host.repository.loadRun('run')).toSorted((a, b) => a.id.length - b.id.length)).toEqual(
      stored,
    );
    expect(await host.repository.loadRun('another')).toEqual([]);
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
    expect(await host.repository.loadRun('run')).toEqual([record({ revision: 7 })]);
  });

  test('are refused when one that is expected does not exist', async () => {
    const commit = { expected: [{ id: 'run', revision: 1 }], next: () => [record({ revision: 2 })] };
    expect((await write(host, [], commit)).result).toEqual({ status: 'conflict' });
    expect(await host.repository.loadRun('run')).toEqual([]);
  });

  test('are refused when one of them is created by somebody else in the meantime', async () => {
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
    const id = await host.insertInstance();

    const { result } = await write({ repository: racing }, [{ id, values: [fill('city', 'Oslo')] }]);
    expect(result).toEqual({ status: 'conflict' });
    expect(await host.metadata(id)).toEqual({});
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
    expect(await host.repository.loadRun('newer')).toEqual([]);
  });

  test('are not stored while an instance is left in a range that was to be exhausted', async () => {
    await host.insertThree();
    const finish = (after: number | null, upTo: number, instanceIds: number[] | null = null) =>
      write(host, [], { exhausted: { processModelId: MODEL, instanceIds, after, upTo } });

    expect((await finish(2, 3)).result).toEqual({ status: 'not-exhausted' });
    expect((await finish(null, 1)).result).toEqual({ status: 'not-exhausted' });
    expect(await host.repository.loadRun('run')).toEqual([]);
    expect((await finish(null, 3, [99])).result).toEqual({ status: 'committed' });
    await host.pglite.query('delete from process_instance where id = 3');
    expect((await finish(2, 3)).result).toEqual({ status: 'conflict' });
  });

  test('are found newest first, by model and activity, without those of shards', async () => {
    await store(host, [
      record({ id: 'B', runId: 'B', activeKey: 'b' }),
      record({ id: 'B_0', runId: 'B', activeKey: null }),
    ]);
    await store(host, [record({ id: 'a', runId: 'a', activeKey: null })]);
    await store(host, [record({ id: 'C', runId: 'C', activeKey: 'c', processModelId: 'test_group/other' })]);
    const none = { processModelId: null, activeKey: null, active: null, before: null, limit: 10 };
    const found = async (filter: Partial<Parameters<typeof host.repository.findRuns>[0]>) =>
      (await host.repository.findRuns({ ...none, ...filter })).map(({ id }) => id);

    expect(await found({})).toEqual(['a', 'C', 'B']);
    expect(await found({ processModelId: MODEL })).toEqual(['a', 'B']);
    expect(await found({ active: true })).toEqual(['C', 'B']);
    expect(await found({ active: false })).toEqual(['a']);
    expect(await found({ activeKey: 'b' })).toEqual(['B']);
    expect(await found({ before: 'a', limit: 1 })).toEqual(['C']);
  });
});
