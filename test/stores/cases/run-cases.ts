import { setImmediate } from 'node:timers/promises';
import { type BackfillMode, type BackfillReport, runBackfill } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import { MODEL } from '../../support/instances.js';
import { intercept } from '../../support/intercept.js';
import { completedTask, insertInstance, insertThree, type KyselyTables } from '../../support/tables.js';

const PATHS = [
  { key: 'invoice_number', path: 'invoice.number' },
  { key: 'city', path: 'city' },
];

/** What the library does with any repository. */
export function runCases(tables: () => KyselyTables): void {
  describe('a run', () => {
    test('that is interrupted again and again comes to the same as one that is not', async () => {
      const host = tables();
      await insertMany(host, 'whole', 300);
      await insertMany(host, 'in_pieces', 300);

      const whole = await runBackfill({ ...options(host, 'whole'), batchSize: 50 });
      const { report: pieced, interruptions } = await runInPieces(host, 'in_pieces');

      expect(interruptions).toBeGreaterThan(5);
      const { runId: _, processModelId: __, elapsedMs: ___, failures, ...counts } = pieced;
      expect(whole).toMatchObject(counts);
      expect(failures.map(({ code }) => code)).toEqual(whole.failures.map(({ code }) => code));
      const stored = await storedByPlace(host, 'whole');
      expect(await storedByPlace(host, 'in_pieces')).toEqual(stored);

      expect(whole).toMatchObject({
        state: 'completed_with_failures',
        total: 300,
        processed: 290,
        failed: 10,
      });
      expect(whole.updated).toBe(260);
      expect(stored.filter(([, key]) => key === 'invoice_number')).toHaveLength(230);
      expect(stored.slice(0, 3)).toEqual([
        [1, 'city', 'Łódź 1'],
        [1, 'invoice_number', 'INV-1'],
        [2, 'city', "{'name': 'Oslo'}"],
      ]);
    });

    test('on unchanged data writes nothing, whatever its mode', async () => {
      const host = tables();
      await insertMany(host, MODEL, 30);
      await runBackfill({ ...options(host, MODEL) });
      const before = await storedByPlace(host, MODEL);

      for (const mode of ['fill', 'overwrite'] as const) {
        expect(await runBackfill({ ...options(host, MODEL), mode })).toMatchObject({ updated: 0 });
      }
      expect(await storedByPlace(host, MODEL)).toEqual(before);
    });

    test.each<BackfillMode>(['fill', 'overwrite'])(
      'that %ss keeps what a live instance does between a page and its commit',
      async (mode) => {
        const host = tables();
        const [edited, filled, deleted] = await insertThree(host, { running: true });
        const moved = await insertInstance(host, { running: true });
        for (const id of [edited, filled, deleted, moved]) {
          await host.addTask(id, completedTask({ city: `of ${id}` }));
        }
        await host.setMetadata(edited, 'city', 'old');
        const repository = intercept(host.repository, async ({ method, count, proceed }) => {
          const answer = await proceed();
          if (method !== 'readInstances' || count !== 2) return answer; // the first page has one instance
          await host.setMetadata(edited, 'city', 'live');
          await host.setMetadata(filled, 'city', 'live');
          await host.deleteInstance(deleted);
          await host.addTask(moved, completedTask({ city: 'newer' }, 2));
          return answer;
        });

        const report = await runBackfill({ ...options(host, MODEL), repository, mode });

        const live = ['live', 'live'];
        // Without `settled`, a fill walks twice, and the second walk does not find the deleted instance.
        const total = mode === 'fill' && repository.settled === undefined ? 3 : 4;
        expect(report).toMatchObject({ state: 'completed', total, processed: 3, failed: 0 });
        expect([await host.metadata(edited), await host.metadata(filled)]).toEqual(
          live.map((city) => ({ city })),
        );
        expect(await host.metadata(moved)).toEqual({ city: 'newer' });
      },
    );

    test('beside live writers keeps each of their values', async () => {
      const host = tables();
      await insertMany(host, MODEL, 120);
      const instances = await host.database
        .selectFrom('process_instance')
        .select('id')
        .orderBy('id')
        .execute();
      const live = new Map<number, string>();
      let isOver = false;
      const writer = async (offset: number) => {
        for (let n = 0; !isOver; n += 1) {
          const id = instances[(3 * n + offset) % instances.length]?.id ?? 0;
          await host.setMetadata(id, 'city', `live ${n}`);
          live.set(id, `live ${n}`);
          await setImmediate();
        }
      };

      const running = runBackfill({ ...options(host, MODEL), batchSize: 10 }).finally(() => {
        isOver = true;
      });
      const writers = [0, 1, 2].map(writer);
      // Whatever fails, nothing goes on behind the end of this test.
      await Promise.allSettled([running, ...writers]);
      const [report] = await Promise.all([running, ...writers]);

      expect(report).toMatchObject({ total: 120, processed: 116, failed: 4 });
      expect(live.size).toBeGreaterThan(0);
      for (const [id, city] of live) expect(await host.metadata(id)).toMatchObject({ city });
    });

    test('keeps every digit of an integer that a number cannot hold, and keeps it again', async () => {
      const host = tables();
      const id = await insertInstance(host);
      await host.addDocument(id, '{"invoice":{"number":3544790567247868102},"city":[-9007199254740993]}');

      for (const mode of ['fill', 'overwrite'] as const) {
        const report = await runBackfill({ ...options(host, MODEL), mode });
        expect(report).toMatchObject({ state: 'completed', updated: mode === 'fill' ? 1 : 0 });
        expect(await host.metadata(id)).toEqual({
          invoice_number: '3544790567247868102',
          city: "['-9007199254740993']",
        });
      }
    });

    test('fails a value that the column cannot hold, and no other', async () => {
      const host = tables();
      const odd = await insertInstance(host, { tasks: [completedTask({ city: 'a\u0000b' })] });
      const fine = await insertInstance(host, { tasks: [completedTask({ city: 'Oslo' })] });

      const { failures } = await runBackfill(options(host, MODEL));

      if (host.dialect.unstorable.test('\0')) {
        const reason = expect.stringContaining('NUL, or half a surrogate pair');
        expect(failures).toEqual([{ instanceId: odd, key: 'city', code: 'WRITE_REJECTED', reason }]);
        expect(await host.metadata(odd)).toEqual({});
      } else {
        expect(failures).toEqual([]);
        expect(await host.metadata(odd)).toEqual({ city: 'a\u0000b' });
      }
      expect(await host.metadata(fine)).toEqual({ city: 'Oslo' });
      expect(() => host.repository.formatValue?.('half a \ud83d pair')).toThrow('half a surrogate pair');
    });
  });
}

function options(host: KyselyTables, processModelId: string) {
  return { repository: host.repository, processModelId, paths: PATHS };
}

/** Of thirty, one has lost its document and three have no completed task of theirs; the others have odd values. */
async function insertMany(host: KyselyTables, processModelId: string, count: number): Promise<void> {
  const places = Array.from({ length: count }, (_, index) => index + 1);
  const ids = await host.insertInstances(
    places.map((place) => {
      const number = place % 10 === 4 ? null : `INV-${place}`;
      const city = place % 2 === 0 ? { name: 'Oslo' } : `Łódź ${place}`;
      const state = place % 10 === 5 ? 'READY' : 'COMPLETED';
      const newest = { ...completedTask({ invoice: { number }, city }, 2), state } as const;
      return { processModelId, running: place % 3 === 0, tasks: [completedTask({}), newest] };
    }),
  );
  for (const [index, id] of ids.entries()) if (index % 30 === 6) await host.breakTaskData?.(id);
}

async function runInPieces(host: KyselyTables, model: string) {
  let run: { readonly runId?: string } = {};
  for (let interruptions = 0; ; interruptions += 1) {
    const controller = new AbortController();
    const visitedAtStart = { value: -1 };
    try {
      const what =
        run.runId === undefined ? options(host, model) : { repository: host.repository, runId: run.runId };
      const report: BackfillReport = await runBackfill({
        ...what,
        batchSize: 20 + interruptions,
        signal: controller.signal,
        onProgress({ runId, processed, failed }) {
          run = { runId };
          if (visitedAtStart.value < 0) visitedAtStart.value = processed + failed;
          if (processed + failed > visitedAtStart.value) controller.abort('interrupted');
        },
      });
      return { report, interruptions };
    } catch (error) {
      if (error !== 'interrupted') throw error;
    }
  }
}

/** Every metadata row of a model, by the place of its instance in it. */
async function storedByPlace(
  host: KyselyTables,
  model: string,
): Promise<(readonly [number, string, string])[]> {
  const instances = await host.database
    .selectFrom('process_instance')
    .select('id')
    .where('process_model_identifier', '=', model)
    .orderBy('id')
    .execute();
  const places = new Map(instances.map(({ id }, index) => [id, index + 1]));
  const rows = await host.database.selectFrom('process_instance_metadata').selectAll().execute();
  return rows
    .flatMap(({ process_instance_id, key, value }) => {
      const place = places.get(process_instance_id);
      return place === undefined ? [] : [[place, key, value] as const];
    })
    .toSorted(([a, x], [b, y]) => a - b || (x < y ? -1 : 1));
}
