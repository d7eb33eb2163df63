import type { InstanceWrites } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import { ODD_TEXTS } from '../odd-texts.js';
import { fill, path, read, readOne, storedValue, write } from '../repository-calls.js';
import type { StoreHost } from '../sql-host.js';

/** How any repository must write. */
export function commitCases(host: StoreHost): void {
  describe('writing', () => {
    test('fills what is not there and tells what it kept', async () => {
      const [first, second, third] = await host.insertThree();
      await host.insertMetadata(first, 'city', 'Oslo');
      await host.insertMetadata(third, 'city', 'the same');

      const { result, outcome } = await write(host, [
        { id: first, values: [fill('invoice_number', 'INV-1'), fill('city', 'Bergen')] },
        { id: second, values: [fill('city', 'Bergen')] },
        { id: third, values: [fill('city', 'the same')] },
      ]);

      expect(result).toEqual({ status: 'committed' });
      const kept = [first, third].map((id) => ({ id, key: 'city' }));
      expect(outcome).toEqual({ gone: [], kept });
      expect(await host.metadata(first)).toEqual({ city: 'Oslo', invoice_number: 'INV-1' });
      expect(await host.metadata(second)).toEqual({ city: 'Bergen' });
    });

    test('replaces the very row that was read and sets both times by the clock of the database', async () => {
      const id = await host.insertInstance();
      await host.insertMetadata(id, 'city', 'Oslo');
      const replaces = storedValue(await readOne(host), 'city');

      const { outcome } = await write(host, [
        { id, values: [fill('invoice_number', 'INV-1'), { key: 'city', value: 'Bergen', replaces }] },
      ]);

      expect(outcome).toEqual({ gone: [], kept: [] });
      expect(await host.metadata(id)).toEqual({ city: 'Bergen', invoice_number: 'INV-1' });
      const { city, invoice_number } = await host.metadataTimes(id);
      const isNow = (seconds: number | undefined) => Math.abs(Number(seconds) - Date.now() / 1000) < 60;
      expect([city, invoice_number].map((times) => isNow(times?.updated))).toEqual([true, true]);
      expect([city, invoice_number].map((times) => isNow(times?.created))).toEqual([false, true]);
    });

    test('keeps what a live instance wrote after the read', async () => {
      const id = await host.insertInstance();
      await host.insertMetadata(id, 'city', 'Oslo');
      const replaces = storedValue(await readOne(host), 'city');
      await host.updateMetadata(id, 'city', 'oslo');
      await host.insertMetadata(id, 'invoice_number', 'INV-live');

      const { outcome } = await write(host, [
        { id, values: [fill('invoice_number', 'INV-1'), { key: 'city', value: 'Tromsø', replaces }] },
      ]);

      expect(outcome?.kept).toEqual([
        { id, key: 'city' },
        { id, key: 'invoice_number' },
      ]);
      expect(await host.metadata(id)).toEqual({ city: 'oslo', invoice_number: 'INV-live' });
    });

    test('does not put back a row that was deleted after the read, nor touch one made anew', async () => {
      const [first, second] = await host.insertThree();
      for (const id of [first, second]) await host.insertMetadata(id, 'city', 'Oslo');
      const writes = (await read(host)).slice(0, 2).map(
        (snapshot): InstanceWrites<number> => ({
          id: snapshot.id,
          values: [{ key: 'city', value: 'Bergen', replaces: storedValue(snapshot, 'city') }],
        }),
      );
      for (const id of [first, second]) await host.deleteMetadata(id, 'city');
      await host.insertMetadata(second, 'city', 'Oslo');

      const { outcome } = await write(host, writes);

      expect(outcome?.kept).toEqual([
        { id: first, key: 'city' },
        { id: second, key: 'city' },
      ]);
      expect(await host.metadata(first)).toEqual({});
      expect(await host.metadata(second)).toEqual({ city: 'Oslo' });
    });

    test('calls an instance gone that was deleted after the read, with or without values for it', async () => {
      const [first, second, third] = await host.insertThree();
      for (const id of [first, third]) await host.deleteInstance(id);

      const { outcome } = await write(host, [
        { id: first, values: [fill('city', 'Oslo')], version: 'seen while it lived' },
        { id: second, values: [fill('city', 'Bergen')] },
        { id: third, values: [] },
      ]);

      expect(outcome).toEqual({ gone: [first, third], kept: [] });
      expect(await host.metadata(second)).toEqual({ city: 'Bergen' });
    });

    test('takes keys and values of any kind as data', async () => {
      const id = await host.insertInstance();
      const expected = Object.fromEntries(ODD_TEXTS.map((text) => [text, text]));

      const { outcome } = await write(host, [{ id, values: ODD_TEXTS.map((text) => fill(text, text)) }]);
      expect(outcome?.kept).toEqual([]);
      expect(await host.metadata(id)).toEqual(expected);

      const paths = ODD_TEXTS.map((text) => path(text, 'overwrite'));
      const { stored } = await readOne(host, { paths });
      const replaced = await write(
        host,
        [{ id, values: [...stored].map(([key, replaces]) => ({ key, value: 'ü🧾', replaces })) }],
        { expected: [], next: () => [] },
      );
      expect(replaced.outcome?.kept).toEqual([]);
      expect(await host.metadata(id)).toEqual(Object.fromEntries(ODD_TEXTS.map((text) => [text, 'ü🧾'])));
    });
  });

  describe('an instance that is still running', () => {
    test('is read with a version, one that has ended is not', async () => {
      const statuses = ['user_input_required', 'waiting', 'not_started', 'complete', 'error', 'terminated'];
      for (const status of statuses) await host.insertInstance({ status });

      expect((await read(host)).map(({ running, version }) => [running, typeof version])).toEqual([
        [true, 'string'],
        [true, 'string'],
        [true, 'string'],
        [undefined, 'undefined'],
        [undefined, 'undefined'],
        [undefined, 'undefined'],
      ]);
    });

    test('is stale once it completed another task, and then nothing is changed', async () => {
      const [unversioned, waiting, starting] = await host.insertThree({ status: 'user_input_required' });
      await host.insertTask(waiting, { end: 10, data: '"before"' });
      const writes = (await read(host)).map(
        ({ id, version }): InstanceWrites<number> => ({
          id,
          values: [fill('city', 'Oslo')],
          ...(id !== unversioned && version !== undefined && { version }),
        }),
      );

      await host.insertTask(starting, { end: 20, data: '"its first"' });
      expect((await write(host, writes)).result).toEqual({ status: 'stale', instanceIds: [starting] });
      await host.insertTask(waiting, { end: 20, data: '"after"' });
      await host.insertTask(unversioned, { end: 20, data: '"not compared"' });
      expect((await write(host, writes)).result).toEqual({
        status: 'stale',
        instanceIds: [waiting, starting],
      });

      expect(await host.metadata(unversioned)).toEqual({});
      expect(await host.repository.loadRun('run')).toEqual([]);
    });

    test('is not stale when its newest data is what was read', async () => {
      const id = await host.insertInstance({ status: 'waiting' });
      await host.insertTask(id, { end: 10, data: '"newest"' });
      const { version = '' } = await readOne(host);
      await host.insertTask(id, { end: 5, data: '"older"' });

      expect((await write(host, [{ id, version, values: [fill('city', 'Oslo')] }])).result).toEqual({
        status: 'committed',
      });
    });
  });
}
