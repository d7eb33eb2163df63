import { describe, expect, test } from 'vitest';
import { type BackfillRepository, createBackfillService, type RunRecord } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { ownersRunId } from '../../src/run/record/owner-record.js';
import { invoices, MODEL } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { STALE, setUp } from './support/one-service.js';

const OTHER_PATH = [{ key: 'invoice_number', path: 'number' }];

async function ownedKeys(repository: BackfillRepository): Promise<unknown> {
  const [record] = await repository.loadRun(ownersRunId(MODEL));
  return (record?.content as { readonly keys?: unknown } | undefined)?.keys ?? [];
}

async function workOff({ jobs, service }: ReturnType<typeof setUp>): Promise<void> {
  for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await service.handle(job.payload);
}

describe('a stored dry run', () => {
  test('counts what the same run would write, and writes nothing', async () => {
    const host = setUp(25);
    const runId = await host.request({ dryRun: true });
    await workOff(host);

    const status = await host.service.status(runId);
    expect(status).toMatchObject({ state: 'completed', dryRun: true, processed: 25, updated: 25 });
    expect(status.keys.invoice_number).toMatchObject({ written: 25, kept: 0 });
    for (let id = 1; id <= 25; id += 1) expect(host.memory.metadata(id)).toEqual({});
  });

  test('can be paused, resumed and swept, and works in shards', async () => {
    const host = setUp(40);
    const runId = await host.request({ dryRun: true, shards: 4 });
    await host.handle(0);
    await host.service.pause(runId);
    await host.handle(1);
    expect(await host.service.status(runId)).toMatchObject({ state: 'paused', processed: 10 });
    await host.service.resume(runId);
    host.jobs.length = 0; // the runner has lost them
    await host.sleep(5);
    await host.service.sweep(STALE);
    await workOff(host);

    expect(await host.service.status(runId)).toMatchObject({
      state: 'completed',
      processed: 40,
      dryRun: true,
    });
    expect(host.memory.metadata(1)).toEqual({});
  });

  test('is joined by equal dry runs, and by no run that writes', async () => {
    const host = setUp(5);
    const runId = await host.request({ dryRun: true });

    expect(await host.request({ dryRun: true })).toBe(runId);
    expect(await host.request()).not.toBe(runId);
  });

  test('owns no key, takes none over and loses none', async () => {
    const host = setUp(30);
    const filling = await host.request();
    const before = await ownedKeys(host.repository);
    const dry = await host.request({ paths: OTHER_PATH, dryRun: true });
    expect(await ownedKeys(host.repository)).toEqual(before);
    const newer = await host.request({ paths: OTHER_PATH });
    await host.service.pause(dry);
    await host.service.resume(dry);
    await workOff(host);

    expect((await host.service.status(dry)).state).toBe('completed');
    expect((await host.service.status(filling)).lastError).toContain(newer);
    expect((await host.service.status(dry)).warnings.join()).not.toContain('taken over');
  });

  test('leaves a run of other paths alone, as a trial does', async () => {
    const host = setUp(30);
    const filling = await host.request();
    await host.request({ paths: OTHER_PATH, dryRun: true, limit: 3 });
    await workOff(host);

    expect((await host.service.status(filling)).state).toBe('completed');
    expect(host.memory.metadata(30)).toEqual({ invoice_number: 'INV-30' });
    expect(JSON.stringify(await ownedKeys(host.repository))).toContain('"tried":false');
  });

  test('begins another walk with counts of zero, because nothing was written', async () => {
    const host = setUp(15);
    host.at.batch = async (batch) => {
      if (batch === 2) await host.request({ dryRun: true }); // joins after the freeze
    };
    const runId = await host.request({ dryRun: true });
    await workOff(host);

    const status = await host.service.status(runId);
    expect(status).toMatchObject({ state: 'completed', processed: 15, updated: 15 });
    expect(status.keys.invoice_number).toMatchObject({ written: 15, kept: 0 });
  });

  test('needs no repository that deletes rows', async () => {
    const { storesNull: _, ...memory } = createMemoryRepository({ instances: invoices(3) });
    const repository = { ...memory, storesNull: false, deletes: false } as unknown as BackfillRepository;
    const service = createBackfillService({ repository, queue: { enqueue: async () => {} } });
    const what = { processModelId: MODEL, paths: OTHER_PATH, mode: 'overwrite', clear: true } as const;

    await expect(service.request(what)).rejects.toThrow('deletes: true');
    expect(await service.request({ ...what, dryRun: true })).toMatchObject({ status: 'triggered' });
  });
});

test('a run that an earlier version has stored is no dry run', async () => {
  const host = setUp(3);
  const repository = intercept(host.repository, async ({ method, proceed }) => {
    const answer = await proceed();
    if (method !== 'loadRun' && method !== 'findRuns') return answer;
    return (answer as RunRecord[]).map((record) => {
      const { definition, ...content } = record.content as { definition?: { dryRun?: boolean } };
      if (definition === undefined) return record;
      const { dryRun: _, ...older } = definition;
      return { ...record, content: { ...content, definition: older } };
    });
  });
  const { jobs } = host;
  const service = createBackfillService({
    repository,
    queue: { enqueue: async (job) => void jobs.push(job) },
  });
  const runId = await host.request();
  await service.handle(jobs[0]?.payload);

  expect(await service.status(runId)).toMatchObject({ state: 'completed', dryRun: false });
  expect(host.memory.metadata(3)).toEqual({ invoice_number: 'INV-3' });
});
