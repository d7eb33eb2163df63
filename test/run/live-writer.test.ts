import type { RepositoryFixture } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type BackfillMode, type InstanceId, type PageEntry, runBackfill } from '../../src/index.js';
import { embeddedTables } from '../support/embedded-postgres.js';
import { PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { completedTask } from '../support/tables.js';
import { testRuntime } from '../support/test-runtime.js';
import { memoryFixture } from '../testing/fixtures/memory-fixture.js';

const data = (number: string) => ({ invoice: { number } });

describe.each<[string, () => Promise<RepositoryFixture<unknown>>]>([
  ['in memory', async () => memoryFixture()],
  ['on PGlite', embeddedTables],
])('beside a live writer, %s', (_, open) => {
  let live: RepositoryFixture<unknown>;
  let models = 0;
  let processModelId: string;
  let second: InstanceId;
  let third: InstanceId;
  beforeAll(async () => {
    live = await open();
  });
  beforeEach(async () => {
    models += 1;
    processModelId = `model ${models}`;
    const numbers = ['INV-1', 'INV-2', 'INV-3'];
    [, second = '', third = ''] = await live.insertInstances(
      numbers.map((number) => ({ processModelId, running: true, tasks: [completedTask(data(number))] })),
    );
  });
  afterAll(() => live?.close?.());

  /** Runs a backfill; `meanwhile` happens between the reading of the second instance and each commit. */
  function backfill(mode: BackfillMode, meanwhile: (reading: number) => Promise<void>) {
    let readings = 0;
    const repository = intercept(live.repository, async ({ method, proceed }) => {
      const answer = await proceed();
      if (method !== 'readInstances') return answer;
      const page = answer as readonly PageEntry[];
      if (!page.some((entry) => 'filled' in entry || entry.id === second)) return answer;
      readings += 1;
      await meanwhile(readings);
      return answer;
    });
    return runBackfill({ repository, processModelId, paths: PATHS, mode, runtime: testRuntime(models) });
  }

  test.each(['fill', 'overwrite'] as const)('%s keeps a value that appeared after the read', async (mode) => {
    const report = await backfill(mode, () => live.setMetadata(second, 'invoice_number', 'live'));

    expect(await live.metadata(second)).toEqual({ invoice_number: 'live' });
    expect(await live.metadata(third)).toEqual({ invoice_number: 'INV-3' });
    expect(report).toMatchObject({ state: 'completed', processed: 3, updated: 2 });
    expect(report.keys.invoice_number).toMatchObject({ written: 2, kept: 1 });
  });

  test.each(['fill', 'overwrite'] as const)(
    '%s keeps a value that was changed after the read',
    async (mode) => {
      await live.setMetadata(second, 'invoice_number', 'old');

      await backfill(mode, () => live.setMetadata(second, 'invoice_number', 'live'));

      expect(await live.metadata(second)).toEqual({ invoice_number: 'live' });
    },
  );

  test('overwrite keeps a row that was rewritten with the value that was read', async () => {
    await live.setMetadata(second, 'invoice_number', 'old');

    await backfill('overwrite', async () => {
      await live.setMetadata(second, 'invoice_number', 'other');
      await live.setMetadata(second, 'invoice_number', 'old');
    });

    expect(await live.metadata(second)).toEqual({ invoice_number: 'old' });
  });

  test('overwrite does not put back a row that was deleted after the read', async () => {
    await live.setMetadata(second, 'invoice_number', 'old');

    const report = await backfill('overwrite', () => live.deleteMetadata(second, 'invoice_number'));

    expect(await live.metadata(second)).toEqual({});
    expect(report.keys.invoice_number).toMatchObject({ written: 2, kept: 1 });
  });

  test.each(['fill', 'overwrite'] as const)(
    '%s writes nothing for an instance that was deleted after the read',
    async (mode) => {
      const report = await backfill(mode, () => live.deleteInstance(second));

      expect(await live.metadata(second)).toEqual({});
      expect(report).toMatchObject({ state: 'completed', total: 3, processed: 2, updated: 2, gone: 1 });
    },
  );

  test.each(['fill', 'overwrite'] as const)(
    '%s reads an instance again that completed a task after the read',
    async (mode) => {
      const report = await backfill(mode, async (reading) => {
        if (reading === 1) await live.addTask(second, completedTask(data('newer'), 2));
      });

      expect(await live.metadata(second)).toEqual({ invoice_number: 'newer' });
      expect(report).toMatchObject({ state: 'completed', processed: 3, updated: 3 });
    },
  );

  test('an instance that is saved after each of its reads fails, and its siblings are written', async () => {
    const report = await backfill('fill', (reading) =>
      live.addTask(second, completedTask(data(`newer ${reading}`), 1 + reading)),
    );

    expect(await live.metadata(second)).toEqual({});
    expect(await live.metadata(third)).toEqual({ invoice_number: 'INV-3' });
    expect(report).toMatchObject({ state: 'completed_with_failures', processed: 2, updated: 2, failed: 1 });
    expect(report.failures).toMatchObject([{ instanceId: second, key: null, code: 'INSTANCE_BUSY' }]);
    expect(report.keys.invoice_number).toMatchObject({ written: 2, kept: 0, failed: 1 });
  });
});
