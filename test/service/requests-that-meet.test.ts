import { describe, expect, test } from 'vitest';
import { instance, MODEL, PATHS } from '../support/instances.js';
import { setUp } from './support/one-service.js';

describe('requests that meet', () => {
  const update = { processModelId: MODEL, before: [], after: PATHS };

  test('the same one again, while its run walks: the run walks once more, over the instances of then', async () => {
    const { service, request, handle, at, memory, jobs } = setUp();
    const runId = await request();
    at.batch = async (batch) => {
      if (batch !== 2) return;
      memory.insertInstance(instance(31, { invoice: { number: 'INV-31' } }));
      const joined = { runId, created: false, covered: true };
      expect(await service.request(update)).toMatchObject(joined);
      expect(await service.request(update)).toMatchObject(joined);
    };

    expect(await handle(0)).toMatchObject({ state: 'continued', processed: 0, updated: 30 });
    at.batch = null;
    expect(jobs).toHaveLength(2);
    expect(await handle(1)).toMatchObject({
      runId,
      state: 'completed',
      total: 31,
      processed: 31,
      updated: 31,
      keys: { invoice_number: { written: 31, kept: 0 } },
    });
    expect(memory.metadata(31)).toEqual({ invoice_number: 'INV-31' });
  });

  test('the same one at every batch: the run makes three walks, and covers no request after the last freeze', async () => {
    const { service, request, handle, at, jobs } = setUp();
    const runId = await request();
    const covered: boolean[] = [];
    at.batch = async () => {
      const result = await service.request({ processModelId: MODEL, paths: PATHS });
      if (result.status === 'triggered') covered.push(result.covered);
    };

    expect(await handle(0)).toMatchObject({ state: 'continued' });
    expect(await handle(1)).toMatchObject({ state: 'continued' });
    expect(await handle(2)).toMatchObject({ runId, state: 'completed', processed: 30, updated: 30 });

    expect(jobs).toHaveLength(3);
    expect(covered).toEqual([...Array(6).fill(true), ...Array(3).fill(false)]);
    expect(await request()).not.toBe(runId);
  });

  test('a newer one that reads a key from another path takes it over; the older run goes on without it', async () => {
    const data = { invoice: { number: 'old path' }, bill: { number: 'new path' }, city: 'Turin' };
    const { service, request, handle, at, memory, jobs } = setUp(0);
    for (let id = 1; id <= 30; id += 1) memory.insertInstance(instance(id, data));
    const older = await request({ paths: [...PATHS, { key: 'city', path: 'city' }] });
    at.batch = async (batch) => {
      if (batch === 2) await request({ paths: [{ key: 'invoice_number', path: 'bill.number' }] });
    };

    const report = await handle(0);
    at.batch = null;
    await handle(1);

    expect(report).toMatchObject({ runId: older, state: 'completed', processed: 30 });
    expect(report.keys.invoice_number).toMatchObject({ written: 10 });
    expect(report.keys.city).toMatchObject({ written: 30 });
    expect(memory.metadata(10)).toEqual({ invoice_number: 'new path', city: 'Turin' });
    expect(memory.metadata(11)).toEqual({ invoice_number: 'new path', city: 'Turin' });
    expect(await service.list({ active: true })).toEqual([]);
    expect(jobs).toHaveLength(2);
  });

  test('a run that has lost all its keys is cancelled, and can be asked for again', async () => {
    const { service, request } = setUp();
    const older = await request();
    const newer = await request({ paths: [{ key: 'invoice_number', path: 'bill.number' }] });

    expect((await service.status(older)).state).toBe('cancelled');
    expect(await request()).not.toBe(older);
    expect((await service.status(newer)).state).toBe('cancelled');
  });

  test('a run that has lost a key no longer stands for the request that it was made for', async () => {
    const { request } = setUp();
    const paths = [...PATHS, { key: 'city', path: 'city' }];
    const older = await request({ paths });
    await request({ paths: [{ key: 'invoice_number', path: 'bill.number' }] });

    expect(await request({ paths })).not.toBe(older);
  });

  test('disjoint keys run side by side', async () => {
    const { service, request } = setUp();
    await request();
    await request({ paths: [{ key: 'city', path: 'city' }] });

    expect(await service.list({ active: true })).toHaveLength(2);
  });

  test('a trial on a few instances takes no key from a run over all of them', async () => {
    const { service, request } = setUp();
    const full = await request();
    await request({ paths: [{ key: 'invoice_number', path: 'bill.number' }], limit: 1 });

    expect((await service.status(full)).state).toBe('pending');
  });
});
