import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type BackfillMode, runBackfill } from '../../src/index.js';
import { MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { type LiveStore, memoryStore, pgliteStore } from '../support/stores.js';

const data = (number: string) => ({ invoice: { number } });

describe.each([
  ['in memory', memoryStore],
  ['on PGlite', pgliteStore],
])('beside a live writer, %s', (_, open) => {
  let store: LiveStore;
  beforeAll(async () => {
    store = await open();
  });
  beforeEach(async () => {
    await store.clear();
    for (const id of [1, 2, 3]) await store.insert(id, data(`INV-${id}`));
  });
  afterAll(() => store.close());

  /** Runs a backfill; `live` acts between the reading of each page and its commit. */
  function backfill(mode: BackfillMode, live: (page: number) => Promise<void>) {
    const repository = intercept(store.repository, async ({ method, count, proceed }) => {
      const answer = await proceed();
      if (method === 'readInstances') await live(count);
      return answer;
    });
    return runBackfill({ repository, processModelId: MODEL, paths: PATHS, mode });
  }

  test.each(['fill', 'overwrite'] as const)('%s keeps a value that appeared after the read', async (mode) => {
    const report = await backfill(mode, () => store.setMetadata(2, 'invoice_number', 'live'));

    expect(await store.metadata(2)).toEqual({ invoice_number: 'live' });
    expect(await store.metadata(3)).toEqual({ invoice_number: 'INV-3' });
    expect(report).toMatchObject({ state: 'completed', processed: 3, updated: 2 });
    expect(report.keys.invoice_number).toMatchObject({ written: 2, kept: 1 });
  });

  test.each(['fill', 'overwrite'] as const)(
    '%s keeps a value that was changed after the read',
    async (mode) => {
      await store.setMetadata(2, 'invoice_number', 'old');

      await backfill(mode, () => store.setMetadata(2, 'invoice_number', 'live'));

      expect(await store.metadata(2)).toEqual({ invoice_number: 'live' });
    },
  );

  test('overwrite keeps a row that was rewritten with the value that was read', async () => {
    await store.setMetadata(2, 'invoice_number', 'old');

    await backfill('overwrite', async () => {
      await store.setMetadata(2, 'invoice_number', 'other');
      await store.setMetadata(2, 'invoice_number', 'old');
    });

    expect(await store.metadata(2)).toEqual({ invoice_number: 'old' });
  });

  test('overwrite does not put back a row that was deleted after the read', async () => {
    await store.setMetadata(2, 'invoice_number', 'old');

    const report = await backfill('overwrite', () => store.deleteMetadata(2, 'invoice_number'));

    expect(await store.metadata(2)).toEqual({});
    expect(report.keys.invoice_number).toMatchObject({ written: 2, kept: 1 });
  });

  test.each(['fill', 'overwrite'] as const)(
    '%s writes nothing for an instance that was deleted after the read',
    async (mode) => {
      const report = await backfill(mode, () => store.delete(2));

      expect(await store.metadata(2)).toEqual({});
      expect(report).toMatchObject({ state: 'completed', total: 3, processed: 2, updated: 2, gone: 1 });
    },
  );

  test.each(['fill', 'overwrite'] as const)(
    '%s reads an instance again that completed a task after the read',
    async (mode) => {
      const report = await backfill(mode, async (page) => {
        if (page === 1) await store.completeTask(2, data('newer'));
      });

      expect(await store.metadata(2)).toEqual({ invoice_number: 'newer' });
      expect(report).toMatchObject({ state: 'completed', processed: 3, updated: 3 });
    },
  );

  test('an instance that moves on at every reading is left to its live writer, its siblings are written', async () => {
    const report = await backfill('fill', (page) => store.completeTask(2, data(`newer ${page}`)));

    expect(await store.metadata(2)).toEqual({});
    expect(await store.metadata(3)).toEqual({ invoice_number: 'INV-3' });
    expect(report).toMatchObject({ state: 'completed', processed: 3, updated: 2, failed: 0 });
    expect(report.keys.invoice_number).toMatchObject({ written: 2, kept: 1 });
  });
});
