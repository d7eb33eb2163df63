import type { InstanceWrites } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import { ODD_TEXTS } from '../../stores/odd-texts.js';
import { fill, read, readOne, storedValue, write } from '../../stores/repository-calls.js';
import { usePostgresHost } from './postgres-host.js';

const host = usePostgresHost();

describe('writing', () => {
  test('fills what is not there and tells what it kept', async () => {
    const [first, second] = await host.insertThree();
    await host.insertMetadata(first, 'city', 'Oslo');

    const { result, outcome } = await write(host, [
      { id: first, values: [fill('invoice_number', 'INV-1'), fill('city', 'Bergen')] },
      { id: second, values: [fill('city', 'Bergen')] },
    ]);

    expect(result).toEqual({ status: 'committed' });
    expect(outcome).toEqual({ gone: [], kept: [{ id: first, key: 'city' }] });
    expect(await host.metadata(first)).toEqual({ city: 'Oslo', invoice_number: 'INV-1' });
    expect(await host.metadata(second)).toEqual({ city: 'Bergen' });
  });

  test('sets both times by the clock of the database, and only the later one when it replaces', async () => {
    const id = await host.insertInstance();
    await host.insertMetadata(id, 'city', 'Oslo');
    const replaces = storedValue(await readOne(host), 'city');

    await write(host, [
      { id, values: [fill('invoice_number', 'INV-1'), { key: 'city', value: 'Bergen', replaces }] },
    ]);

    const { rows } =
      await host.pglite.query(`select key, created_at_in_seconds > 0 as created, updated_at_in_seconds
      between extract(epoch from now()) - 60 and extract(epoch from now()) + 1 as updated
      from process_instance_metadata order by key`);
    expect(rows).toEqual([
      { key: 'city', created: false, updated: true },
      { key: 'invoice_number', created: true, updated: true },
    ]);
  });

  test('keeps a value that a live instance wrote after the read', async () => {
    const id = await host.insertInstance();
    await host.insertMetadata(id, 'city', 'Oslo');
    const replaces = storedValue(await readOne(host), 'city');
    await host.pglite.query(`update process_instance_metadata set value = 'Bergen'`);
    await host.insertMetadata(id, 'invoice_number', 'INV-live');

    const { outcome } = await write(host, [
      { id, values: [fill('invoice_number', 'INV-1'), { key: 'city', value: 'Tromsø', replaces }] },
    ]);

    expect(outcome?.kept).toEqual([
      { id, key: 'city' },
      { id, key: 'invoice_number' },
    ]);
    expect(await host.metadata(id)).toEqual({ city: 'Bergen', invoice_number: 'INV-live' });
  });

  test('does not put back a row that was deleted after the read', async () => {
    const id = await host.insertInstance();
    await host.insertMetadata(id, 'city', 'Oslo');
    const replaces = storedValue(await readOne(host), 'city');
    await host.pglite.query('delete from process_instance_metadata');

    const { outcome } = await write(host, [{ id, values: [{ key: 'city', value: 'Bergen', replaces }] }]);

    expect(outcome?.kept).toEqual([{ id, key: 'city' }]);
    expect(await host.metadata(id)).toEqual({});
  });

  test('calls an instance gone that was deleted after the read, with or without values for it', async () => {
    const [first, second, third] = await host.insertThree();
    await host.pglite.query('delete from process_instance where id <> $1', [second]);

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

    const { outcome } = await write(host, [{ id, values: ODD_TEXTS.map((text) => fill(text, text)) }]);

    expect(outcome?.kept).toEqual([]);
    expect(await host.metadata(id)).toEqual(Object.fromEntries(ODD_TEXTS.map((text) => [text, text])));
  });

  test('rejects a value that PostgreSQL cannot hold, by its code and with nothing changed', async () => {
    const [first, second] = await host.insertThree();
    const values = [fill('city', 'Os\u0000lo')];

    await expect(
      write(host, [
        { id: first, values: [fill('city', 'Bergen')] },
        { id: second, values },
      ]),
    ).rejects.toMatchObject({ code: '22P05' });

    expect(await host.metadata(first)).toEqual({});
    expect(await host.repository.loadRun('run')).toEqual([]);
  });
});

describe('an instance that is still running', () => {
  test('is read with a version, one that has ended is not', async () => {
    for (const status of [
      'user_input_required',
      'waiting',
      'not_started',
      'complete',
      'error',
      'terminated',
    ]) {
      await host.insertInstance({ status });
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

  test('is stale once it completed another task, and then nothing is changed', async () => {
    const [ended, waiting, starting] = await host.insertThree({ status: 'user_input_required' });
    await host.insertTask(waiting, { end: 10, data: '"before"' });
    const writes = (await read(host)).map(
      ({ id, version }): InstanceWrites<number> => ({
        id,
        values: [fill('city', 'Oslo')],
        ...(id !== ended && version !== undefined && { version }),
      }),
    );

    await host.insertTask(starting, { end: 20, data: '"its first"' });
    expect((await write(host, writes)).result).toEqual({ status: 'stale', instanceIds: [starting] });
    await host.insertTask(waiting, { end: 20, data: '"after"' });
    await host.insertTask(ended, { end: 20, data: '"not compared"' });
    expect((await write(host, writes)).result).toEqual({ status: 'stale', instanceIds: [waiting, starting] });

    expect(await host.metadata(ended)).toEqual({});
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
