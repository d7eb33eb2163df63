import type { InstanceId } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import { bigIds } from '../hosts/big-ids.js';
import { type Host, withoutFunction } from '../hosts/host.js';
import { oneTable } from '../hosts/one-table.js';
import { ALL_WRITTEN, fill, useHost } from '../hosts/use-host.js';

describe.each([bigIds, oneTable])('on $title, a batch that creates several records', (host) => {
  describe('with the function', () => cases(host, { statements: 1, transactions: 0 }));
  describe('without the function', () => cases(withoutFunction(host), { statements: 0, transactions: 1 }));
});

function cases(host: Host<InstanceId>, sent: { readonly statements: number; readonly transactions: number }) {
  const opened = useHost(host);

  test('stores all of them, with its values, and sends nothing else', async () => {
    const one = opened();
    const [id, ended] = [await one.insertOne({ city: 'Oslo' }), await one.insertOne(undefined)];
    const versions = new Map((await one.read()).map((snapshot) => [snapshot.id, snapshot.version ?? '']));
    const newRecords = [one.newRecord(), one.newRecord(), { ...one.newRecord(), activeKey: 'key' }];

    // Whether there is a function is asked once.
    await one.commit([{ id, values: [], version: versions.get(id) ?? '' }]);
    const committed = await one.commit(
      [id, ended].map((each) => ({
        id: each,
        values: [fill('city', 'Bergen')],
        version: versions.get(each) ?? '',
      })),
      { newRecords },
    );

    expect(committed).toEqual({ result: { status: 'committed' }, outcome: ALL_WRITTEN, ...sent });
    for (const each of [id, ended]) expect(await one.metadata(each)).toEqual({ city: 'Bergen' });
    for (const record of newRecords) expect(await one.repository.loadRun(record.runId)).toEqual([record]);
  });

  test('is refused, with nothing written, if one of them is there already', async () => {
    const one = opened();
    const id = await one.insertOne({ city: 'Oslo' });
    const version = (await one.readOne(id, ['city'])).version ?? '';
    const [taken, free] = [one.newRecord(), one.newRecord()];
    await one.commit([], { newRecords: [taken] });

    const { result } = await one.commit([{ id, version, values: [fill('city', 'Bergen')] }], {
      newRecords: [free, { ...taken, content: { is: 'another' } }],
    });

    expect(result).toEqual({ status: 'conflict' });
    expect(await one.metadata(id)).toEqual({});
    expect(await one.repository.loadRun(free.runId)).toEqual([]);
    expect(await one.repository.loadRun(taken.runId)).toEqual([taken]);
  });
}
