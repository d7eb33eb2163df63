import type { PagePath } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import { completedTask, insertInstance, insertThree } from '../../support/tables.js';
import type { TablesFixture } from '../../testing/fixtures/tables-fixture.js';
import { ODD_TEXTS } from '../odd-texts.js';
import { fill, path, read, readOne, storedValue, write } from '../repository-calls.js';

/** How a repository on spiff-arena's tables must write, beyond the conformance cases. */
export function commitCases(tables: () => TablesFixture): void {
  describe('writing', () => {
    test('keeps a value that is there already, also where it is the same one', async () => {
      const host = tables();
      const [other, same] = await insertThree(host);
      await host.setMetadata(other, 'city', 'Oslo');
      await host.setMetadata(same, 'city', 'Bergen');

      const { outcome } = await write(
        host,
        [other, same].map((id) => ({ id, values: [fill('city', 'Bergen')] })),
      );

      expect(outcome).toEqual({
        gone: [],
        kept: [other, same].map((id) => ({ id, key: 'city' })),
        moved: [],
      });
      expect(await host.metadata(other)).toEqual({ city: 'Oslo' });
    });

    test('replaces the very row that was read and sets both times by the clock of the database', async () => {
      const host = tables();
      const id = await insertInstance(host);
      await host.setMetadata(id, 'city', 'Oslo');
      const replaces = storedValue(await readOne(host), 'city');

      const { outcome } = await write(host, [
        { id, values: [fill('invoice_number', 'INV-1'), { key: 'city', value: 'Bergen', replaces }] },
      ]);

      expect(outcome).toEqual({ gone: [], kept: [], moved: [] });
      expect(await host.metadata(id)).toEqual({ city: 'Bergen', invoice_number: 'INV-1' });
      const rows = await host.sql<{ value: string; created: number; updated: number }>(
        `select value, created_at_in_seconds as created, updated_at_in_seconds as updated
         from process_instance_metadata order by value`,
      );
      const isNow = (seconds: number) => Math.abs(Number(seconds) - Date.now() / 1000) < 60;
      const times = rows.map(({ value, created, updated }) => [value, isNow(created), isNow(updated)]);
      expect(times).toEqual([
        ['Bergen', false, true],
        ['INV-1', true, true],
      ]);
    });

    test('keeps a value that was changed in case alone, in the second in which it was inserted', async () => {
      const host = tables();
      const id = await insertInstance(host);
      await host.setMetadata(id, 'city', 'Oslo');
      const replaces = storedValue(await readOne(host), 'city');
      await host.sql(`update process_instance_metadata set value = 'oslo'`);

      const { outcome } = await write(host, [{ id, values: [{ key: 'city', value: 'Tromsø', replaces }] }]);

      expect(outcome?.kept).toEqual([{ id, key: 'city' }]);
      expect(await host.metadata(id)).toEqual({ city: 'oslo' });
    });

    test('shows and replaces a row, whatever characters its key and its value have', async () => {
      const host = tables();
      const id = await insertInstance(host);
      for (const text of ODD_TEXTS) await host.setMetadata(id, text, text);
      const pathsWith = (mode: PagePath['mode']) => [...ODD_TEXTS, 'none'].map((key) => path(key, mode));

      for (const mode of ['fill', 'overwrite'] as const) {
        const { stored } = await readOne(host, { paths: pathsWith(mode) });
        expect(new Map([...stored].map(([key, { value }]) => [key, value]))).toEqual(
          new Map(ODD_TEXTS.map((text) => [text, text])),
        );
      }
      const { stored } = await readOne(host, { paths: pathsWith('overwrite') });
      const values = [...stored].map(([key, replaces]) => ({ key, value: 'ü🧾', replaces }));

      const { outcome } = await write(host, [{ id, values }]);

      expect(outcome?.kept).toEqual([]);
      expect(await host.metadata(id)).toEqual(Object.fromEntries(ODD_TEXTS.map((text) => [text, 'ü🧾'])));
    });
  });

  describe('an instance that is still running', () => {
    test('is read with a version, one that has ended is not', async () => {
      const host = tables();
      const statuses = ['user_input_required', 'waiting', 'not_started', 'complete', 'error', 'terminated'];
      for (const status of statuses) {
        const id = await insertInstance(host);
        await host.sql(`update process_instance set status = '${status}' where id = ${id}`);
      }

      expect((await read(host)).map(({ running, version }) => [running, typeof version])).toEqual([
        [true, 'string'],
        [true, 'string'],
        [true, 'string'],
        [undefined, 'undefined'],
        [undefined, 'undefined'],
        [undefined, 'undefined'],
      ]);
    });

    test('has not moved while its newest data is what was read', async () => {
      const host = tables();
      const id = await insertInstance(host, { running: true, tasks: [completedTask('newest', 10)] });
      const { version = '' } = await readOne(host);
      await host.addTask(id, completedTask('older', 5));

      const { outcome } = await write(host, [{ id, version, values: [fill('city', 'Oslo')] }]);

      expect(outcome).toEqual({ gone: [], kept: [], moved: [] });
    });
  });
}
