import { describe, expect, test } from 'vitest';
import {
  type BackfillJob,
  type BackfillQueue,
  type BackfillRepository,
  createBackfillService,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, MODEL } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const NUMBER = { key: 'number', path: 'invoice.number' };
const CITY = { key: 'city', path: 'city' };

function setUp() {
  const memory = createMemoryRepository();
  for (let id = 1; id <= 30; id += 1) {
    const metadata = { number: `INV-${id}`, city: 'Turin' };
    memory.insertInstance(instance(id, { invoice: { number: 'other' } }, { metadata, running: id === 3 }));
  }
  memory.setMetadata(2, 'number', null);
  memory.deleteMetadata(4, 'number');
  const jobs: BackfillJob[] = [];
  const queue: BackfillQueue = {
    async enqueue(job) {
      jobs.push(job);
    },
  };
  const before: { batch: (() => void) | null } = { batch: null };
  const repository: BackfillRepository = intercept(memory, async ({ method, argument, proceed }) => {
    const isBatch = method === 'commit' && (argument as { instances: unknown[] }).instances.length > 0;
    if (isBatch) before.batch?.();
    return proceed();
  });
  const service = createBackfillService({ repository, queue, runtime: testRuntime(), batchSize: 10 });
  const update = (rest: object) =>
    service.request({ processModelId: MODEL, before: [NUMBER, CITY], after: [CITY], ...rest });
  return {
    memory,
    repository,
    service,
    jobs,
    before,
    update,
    async work() {
      for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await service.handle(job.payload);
    },
  };
}

const all = Array.from({ length: 30 }, (_, index) => index + 1);

describe('a key that is removed from the model', () => {
  test('keeps its values unless they are to go', async () => {
    for (const removed of [undefined, 'keep']) {
      const { memory, update, jobs } = setUp();

      expect(await update({ removed })).toMatchObject({ status: 'skipped' });

      expect(jobs).toEqual([]);
      expect(memory.metadata(1)).toEqual({ number: 'INV-1', city: 'Turin' });
    }
  });

  test('loses all its rows with removed: purge, those of running instances too', async () => {
    const { memory, service, update, work } = setUp();

    const requested = await update({ removed: 'purge' });
    await work();

    expect(requested).toMatchObject({ status: 'triggered', keys: ['number'], created: true });
    for (const id of all) expect(memory.metadata(id)).toEqual({ city: 'Turin' });
    const { state, updated, keys, warnings } = await service.status(Object(requested).runId);
    expect({ state, updated, warnings }).toEqual({ state: 'completed', updated: 0, warnings: [] });
    expect(keys.number).toMatchObject({ written: 0, missing: 30, orphaned: 28, cleared: 28 });
  });

  test('is purged by a run that stops once the key is added again', async () => {
    const { memory, service, update, work, before } = setUp();
    const purge = Object(await update({ removed: 'purge' })).runId;
    let batches = 0;
    before.batch = () => {
      batches += 1;
    };
    const again = { processModelId: MODEL, before: [CITY], after: [NUMBER, CITY] };
    await service.request(again);
    await work();

    expect((await service.status(purge)).state).toBe('cancelled');
    expect(batches).toBe(3); // all of them by the run that fills
    expect(memory.metadata(1)).toEqual({ number: 'INV-1', city: 'Turin' });
    expect(memory.metadata(4)).toEqual({ number: 'other', city: 'Turin' });
  });
});

describe("mode: 'remove'", () => {
  test('deletes only the very row that was read', async () => {
    const { memory, repository, before } = setUp();
    before.batch = () => {
      before.batch = null;
      memory.setMetadata(5, 'number', 'by hand');
    };

    const report = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: [NUMBER],
      mode: 'remove',
      batchSize: 10,
    });

    expect(memory.metadata(5)).toEqual({ number: 'by hand', city: 'Turin' });
    expect(memory.metadata(6)).toEqual({ city: 'Turin' });
    expect(report.keys.number).toMatchObject({ kept: 1, missing: 29, cleared: 27 });
  });

  test('does not read the task data, broken or not', async () => {
    const { memory, repository } = setUp();
    memory.updateInstance(1, { tasks: [{ state: 'COMPLETED', endedAt: 1, json: '{' }] });

    const options = { repository, processModelId: MODEL, paths: [NUMBER], mode: 'remove' } as const;
    expect(await runBackfill(options)).toMatchObject({ state: 'completed', failed: 0 });

    expect(memory.metadata(1)).toEqual({ city: 'Turin' });
    expect((await runBackfill(options)).keys.number).toMatchObject({ missing: 30, cleared: 0 });
  });

  test('takes the key from a run that fills it', async () => {
    const { service, repository, work } = setUp();
    const fill = await service.request({ processModelId: MODEL, paths: [NUMBER] });
    await runBackfill({ repository, processModelId: MODEL, paths: [NUMBER], mode: 'remove' });
    await work();

    expect((await service.status(Object(fill).runId)).state).toBe('cancelled');
  });

  test('is refused for a repository that cannot delete, before any I/O', async () => {
    const { memory } = setUp();
    const repository: BackfillRepository = { ...memory, deletes: false };
    const options = { repository, processModelId: MODEL, paths: [NUMBER], mode: 'remove' } as const;

    await expect(runBackfill(options)).rejects.toThrow(
      /^mode: 'remove' needs a repository that declares deletes/,
    );
    await expect(runBackfill({ ...options, repository: memory, clear: true })).rejects.toThrow(
      /^clear: expected mode/,
    );
  });
});
