import { describe, expect, test } from 'vitest';
import { createBackfillService, type RunRecord, type RunSummary } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { setUp } from './support/one-service.js';

/** A service over the same records, which runs it loads, and for which filters it looks for runs. */
function counting({ memory, runtime }: ReturnType<typeof setUp>, change = (records: RunRecord[]) => records) {
  const loaded: string[] = [];
  const found: unknown[] = [];
  const logger = linesLogger();
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method === 'loadRun') loaded.push(String(argument));
    if (method === 'findRuns') found.push(argument);
    const isRead = method === 'loadRun' || method === 'findRuns';
    return isRead ? change((await proceed()) as RunRecord[]) : proceed();
  });
  const service = createBackfillService({ repository, queue: { enqueue: async () => {} }, runtime, logger });
  return { service, loaded, found, logger };
}

const withoutMembers =
  (...names: readonly string[]) =>
  (records: RunRecord[]): RunRecord[] =>
    records.map((record) => {
      const content = Object.entries(Object(record.content)).filter(([name]) => !names.includes(name));
      return { ...record, content: Object.fromEntries(content) as RunRecord['content'] };
    });

/** Nine runs, newest first. */
async function requestNine({ request, sleep }: ReturnType<typeof setUp>): Promise<readonly string[]> {
  const runIds: string[] = [];
  for (let limit = 1; limit <= 9; limit += 1) {
    runIds.unshift(await request({ limit }));
    await sleep(1);
  }
  return runIds;
}

describe('list', () => {
  test('has the counts of a run that has ended, and loads nothing for it', async () => {
    const world = setUp();
    const runId = await world.request();
    await world.handle(0);
    const { service, loaded } = counting(world);

    const { lastProgressAt } = await world.service.status(runId);
    expect(lastProgressAt).toEqual(expect.any(Number));
    const counts = { total: 30, processed: 30, updated: 30, failed: 0, gone: 0 };
    expect(await service.list()).toEqual([
      expect.objectContaining({ runId, state: 'completed', ...counts, etaMs: null, lastProgressAt }),
    ]);
    expect(loaded).toEqual([]);
  });

  test.each<[RunSummary['state'], (world: ReturnType<typeof setUp>, runId: string) => Promise<unknown>]>([
    ['cancelled', ({ service }, runId) => service.cancel(runId)],
    [
      'failed',
      async ({ at, handle, jobs, service }, runId) => {
        at.batch = () => Promise.reject(Object.assign(new Error('disk full'), { code: '53100' }));
        await service.resume(runId);
        await handle(jobs.length - 1).catch(() => {});
      },
    ],
  ])('has the counts of a run that was %s half-way', async (state, end) => {
    const world = setUp();
    const { at, service, request, handle } = world;
    const runId = await request();
    at.batch = async (batch) => {
      if (batch === 2) await service.pause(runId);
    };
    await handle(0);
    at.batch = null;
    await end(world, runId);
    const listing = counting(world);

    const counts = { total: 30, processed: 10, updated: 10, failed: 0, gone: 0 };
    expect(await listing.service.list()).toMatchObject([{ runId, state, ...counts }]);
    expect(listing.loaded).toEqual([]);
  });

  test('has the counts and the time left of an active run, for which it is loaded', async () => {
    const world = setUp();
    const { at, runtime, request, handle } = world;
    const runId = await request();
    const { service, loaded } = counting(world);
    let summaries: readonly RunSummary[] = [];
    at.batch = async (batch) => {
      await runtime.sleep(1000);
      if (batch === 3) summaries = await service.list({ active: true });
    };

    await handle(0);

    const counts = { total: 30, processed: 20, updated: 20, failed: 0, gone: 0 };
    expect(summaries).toMatchObject([{ runId, state: 'running', ...counts }]);
    expect(summaries[0]?.etaMs).toBeGreaterThan(0);
    expect(summaries[0]?.ratePerSecond).toBeGreaterThan(0);
    expect(loaded).toEqual([runId]);
  });

  test('has the verdict of a dry run that has ended, and none of other runs', async () => {
    const world = setUp();
    const filled = await world.request();
    await world.handle(0);
    const verified = await world.request({ mode: 'overwrite', clear: true, dryRun: true });
    await world.handle(1);
    const { service, loaded } = counting(world);

    expect(await service.list()).toMatchObject([
      { runId: verified, dryRun: true, verdict: 'equal' },
      { runId: filled, dryRun: false, verdict: null },
    ]);
    expect(loaded).toEqual([]);
  });

  test('forgets the counts of the end when a run is resumed', async () => {
    const world = setUp();
    const { at, request, handle, jobs } = world;
    const runId = await request();
    at.batch = (batch) =>
      batch === 2 ? Promise.reject(Object.assign(new Error('full'), { code: '53100' })) : Promise.resolve();
    await handle(0).catch(() => {});
    at.batch = null;
    await world.service.resume(runId);
    expect(await world.service.list()).toMatchObject([{ state: 'running', processed: 10 }]);

    await handle(jobs.length - 1);

    expect(await world.service.list()).toMatchObject([{ state: 'completed', processed: 30 }]);
  });

  test('loads runs that an earlier version has stored without their counts', async () => {
    const world = setUp();
    const runId = await world.request();
    await world.handle(0);
    const older = withoutMembers('counts', 'requestedBy', 'reason', 'lastControl');
    const { service, loaded } = counting(world, older);

    expect(await service.list()).toMatchObject([
      { runId, state: 'completed', processed: 30, requestedBy: null },
    ]);
    expect(await service.status(runId)).toMatchObject({ requestedBy: null, reason: null, lastControl: null });
    expect(loaded).toEqual([runId, runId]);
  });

  test('leaves out, with a warning, an active run with a damaged shard', async () => {
    const world = setUp();
    const whole = await world.request();
    const damaged = await world.request({ limit: 5 });
    const { service, logger } = counting(world, (records) =>
      records.map((record) => (record.id === `${damaged}_0` ? { ...record, content: {} } : record)),
    );

    expect((await service.list()).map(({ runId }) => runId)).toEqual([whole]);
    expect(logger.lines).toEqual([
      expect.stringContaining(`[${damaged}]: Left out: Run ${damaged} has a damaged`),
    ]);
  });

  test('fills its pages although some runs are left out, and asks once where none is', async () => {
    const world = setUp();
    const runIds = await requestNine(world);
    for (const runId of runIds.slice(1)) await world.service.cancel(runId);
    const [active = '', ...ended] = runIds;
    const unreadable = [`${active}_0`, ended[2], ended[3], ended[7]];
    const { service, found } = counting(world, (records) =>
      records.map((record) => (unreadable.includes(record.id) ? { ...record, content: {} } : record)),
    );

    const pages: string[][] = [];
    for (let before: string | undefined; ; ) {
      const page = (await service.list({ limit: 2, before })).map(({ runId }) => runId);
      pages.push(page);
      before = page.at(-1);
      if (page.length < 2) break;
    }

    expect(pages).toEqual([[ended[0], ended[1]], [ended[4], ended[5]], [ended[6]]]);
    found.splice(0);
    await service.list({ limit: 2, before: String(ended[3]) });
    expect(found).toHaveLength(1);
  });

  test('warns of each unreadable run once, on the page that passes over it', async () => {
    const world = setUp();
    const runIds = await requestNine(world);
    const unreadable = [0, 1, 3, 6, 8].map((place) => runIds[place] ?? '');
    const { service, logger } = counting(world, (records) =>
      records.map((record) => (unreadable.includes(record.id) ? { ...record, content: {} } : record)),
    );

    const pages: [string[], string[]][] = [];
    for (let before: string | undefined; ; ) {
      const page = (await service.list({ limit: 2, before })).map(({ runId }) => runId);
      const lines = logger.lines.splice(0);
      pages.push([page, unreadable.filter((runId) => lines.some((line) => line.includes(`Run ${runId} `)))]);
      expect(lines).toHaveLength(pages.at(-1)?.[1].length ?? 0);
      before = page.at(-1);
      if (page.length < 2) break;
    }

    const at = (...places: number[]) => places.map((place) => runIds[place]);
    expect(pages).toEqual([
      [at(2, 4), at(0, 1, 3)],
      [at(5, 7), at(6)],
      [[], at(8)],
    ]);
  });

  test('leaves out an active run that is deleted meanwhile', async () => {
    const world = setUp();
    await world.request();
    const { service, logger } = counting(world, (records) => records.filter(({ id, runId }) => id === runId));
    const repository = intercept(world.memory, async ({ method, proceed }) =>
      method === 'loadRun' ? [] : proceed(),
    );
    const other = createBackfillService({ repository, queue: { enqueue: async () => {} } });

    expect(await other.list()).toEqual([]);
    expect(await service.list()).toEqual([]); // without its shard, it is damaged
    expect(logger.lines).toHaveLength(1);
  });
});

describe('status', () => {
  test('says what a run does, so that it can be requested again', async () => {
    const repository = createMemoryRepository({ instances: [instance(1, {}), ...invoices(3).slice(1)] });
    const service = createBackfillService({ repository, queue: { enqueue: async () => {} } });
    const asked = { processModelId: MODEL, missing: 'omit', limit: 2, instanceIds: [1, 2, 3] } as const;
    const { runId } = (await service.request({ ...asked, paths: PATHS })) as { runId: string };

    const { paths, missing, clear, limit, selected, shards } = await service.status(runId);

    expect({ missing, clear, limit, selected, shards }).toEqual({
      ...{ missing: 'omit', clear: false, limit: 2, selected: 3, shards: 1 },
    });
    expect(paths).toEqual([{ key: 'invoice_number', path: ['invoice', 'number'], mode: 'fill' }]);
    expect(await service.request({ ...asked, paths })).toMatchObject({ runId, created: false });
  });
});
