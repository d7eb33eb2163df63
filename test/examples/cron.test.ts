import { expect, test } from 'vitest';
import { cronQueue, tick } from '../../examples/8-cron/cron-backfill.js';
import { createBackfillService } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/run/context/system-runtime.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';

const COUNT = 30;

function openHost() {
  const repository = createMemoryRepository({ instances: invoices(COUNT) });
  const service = createBackfillService({ repository, queue: cronQueue, batchSize: 3 });
  const request = async (startAfter?: Date) => {
    const requested = await service.request({ processModelId: MODEL, paths: PATHS, startAfter });
    if (requested.status !== 'triggered') throw new Error(requested.reason);
    return requested.runId;
  };
  // A clock that runs ahead, so that every batch uses up its slice.
  let clockReads = 0;
  const runtime = { ...systemRuntime, now: () => Date.now() + 20 * ++clockReads };
  const tickOnce = (options = {}) =>
    tick(service, { repository, batchSize: 3, sliceMs: 10, runtime, ...options });
  return { repository, service, request, tickOnce };
}

async function ticksUntilIdle({ service, tickOnce }: ReturnType<typeof openHost>): Promise<number> {
  for (let ticks = 0; ; ticks++) {
    if ((await service.list({ active: true })).length === 0) return ticks;
    await tickOnce();
  }
}

test('ticks complete what was requested, batch by batch', async () => {
  const host = openHost();
  const runId = await host.request();

  expect(await ticksUntilIdle(host)).toBeGreaterThan(2);

  expect(await host.service.status(runId)).toMatchObject({
    state: 'completed',
    processed: COUNT,
    total: COUNT,
  });
  expect(await host.tickOnce()).toEqual([]);
});

test('a paused run stays as it is until it is resumed', async () => {
  const host = openHost();
  const runId = await host.request();
  await host.tickOnce();
  const { processed } = await host.service.pause(runId);
  expect(processed).toBeGreaterThan(0);
  expect(processed).toBeLessThan(COUNT);

  expect(await host.tickOnce()).toEqual([]);
  expect(await host.service.status(runId)).toMatchObject({ state: 'paused', processed });

  await host.service.resume(runId);
  await ticksUntilIdle(host);
  expect(await host.service.status(runId)).toMatchObject({ state: 'completed', processed: COUNT });
});

test('a run for later is not begun before its time', async () => {
  const host = openHost();
  const runId = await host.request(new Date(Date.now() + 3_600_000));

  await host.tickOnce();

  expect(await host.service.status(runId)).toMatchObject({ state: 'pending', processed: 0 });
});

test('ticks at the same time count each instance once', async () => {
  const host = openHost();
  const runId = await host.request();

  await Promise.all([1, 2, 3].map(() => host.tickOnce({ sliceMs: 60_000, runtime: systemRuntime })));
  await ticksUntilIdle(host);

  expect(await host.service.status(runId)).toMatchObject({ state: 'completed', processed: COUNT });
});

test('an aborted tick leaves the rest to the next one', async () => {
  const host = openHost();
  const runId = await host.request();
  const stopping = new AbortController();
  const onProgress = ({ processed }: { processed: number }) => {
    if (processed > 0) stopping.abort();
  };

  expect(
    await host.tickOnce({ sliceMs: 60_000, runtime: systemRuntime, signal: stopping.signal, onProgress }),
  ).toEqual([]);
  expect(await host.service.status(runId)).toMatchObject({ state: 'running' });

  await ticksUntilIdle(host);
  expect(await host.service.status(runId)).toMatchObject({ state: 'completed', processed: COUNT });
});

test('an error in one run does not keep a tick from the others', async () => {
  const host = openHost();
  const broken = await host.request();
  const other = await host.service.request({
    processModelId: MODEL,
    paths: [{ key: 'other', path: 'other' }],
  });
  const { repository } = host;
  const failing = {
    ...repository,
    loadRun: async (...args: Parameters<typeof repository.loadRun>) => {
      if (args[0] === broken) throw new Error('the records of this run are out of reach');
      return repository.loadRun(...args);
    },
  };
  const retry = { attempts: 1 };

  await expect(tick(host.service, { repository: failing, retry, sliceMs: 60_000 })).rejects.toThrow(
    'the records of this run are out of reach',
  );

  expect(other).toMatchObject({ status: 'triggered' });
  const { runId } = other as { runId: string };
  expect(await host.service.status(runId)).toMatchObject({ state: 'completed' });
});
