import { describe, expect, test } from 'vitest';
import {
  createBackfillService,
  type ExtractionPath,
  type PageQuery,
  type RepositoryCommit,
  type RunRecord,
  verifyBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { ownersRecordId, ownersRunId } from '../../src/run/record/owner-record.js';
import { instance, MODEL } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';
import { BILL, CITY, createManualQueue, dataOf, NUMBER, requestRun } from './support/two-paths.js';

type Commit = RepositoryCommit & { next(outcome: never): RunRecord[] };

interface Around {
  /** A commit of three records or more, of which the owner record is one: the end of a verification, or a request. */
  end: ((proceed: () => Promise<unknown>) => Promise<unknown>) | null;
  /** The first read of a walk. */
  walk: (() => Promise<void>) | null;
}

/** Twenty instances whose number and city are filled, in batches of ten. */
async function setUp() {
  const memory = createMemoryRepository();
  for (let id = 1; id <= 20; id += 1) memory.insertInstance(instance(id, dataOf(id)));
  const { queue, ...manual } = createManualQueue();
  const around: Around = { end: null, walk: null };
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method === 'readInstances' && (argument as PageQuery).after === null) await around.walk?.();
    if (method !== 'commit' || around.end === null) return proceed();
    const names = (argument as Commit).expected.map(({ id }) => id);
    return names.includes(ownersRecordId(MODEL)) && names.length > 2 ? around.end(proceed) : proceed();
  });
  const options = { repository, runtime: testRuntime(1, 5), logger: linesLogger(), batchSize: 10 };
  const service = createBackfillService({ ...options, queue });
  const work = (most?: number) => manual.work(service, most);
  const request = (paths: readonly ExtractionPath[], rest?: object) => requestRun(service, paths, rest);
  async function verify(paths = [NUMBER, CITY], rest: object = {}): Promise<string> {
    const result = await service.verify({ processModelId: MODEL, paths, ...rest });
    if (result.status !== 'triggered') throw new Error(result.reason);
    return result.runId;
  }
  async function verified(key: string) {
    return (await service.columns(MODEL)).find((column) => column.key === key)?.verified;
  }
  const filler = await request([NUMBER, CITY]);
  await work();
  return { memory, repository, options, service, filler, around, work, request, verify, verified };
}

const EQUAL = { verdict: 'equal', absent: 0, different: 0, orphaned: 0, total: 20, duringFill: false };

describe('a verification of all instances', () => {
  test('is what the columns of its keys say was verified', async () => {
    const { service, verify, verified, work } = await setUp();
    expect(await verified('number')).toBeNull();
    const runId = await verify();
    await work();

    const { startedAt: since, endedAt: at } = await service.status(runId);
    expect(await verified('number')).toEqual({ ...EQUAL, runId, since, at });
    expect(await verified('city')).toEqual({ ...EQUAL, runId, since, at });
  });

  test('has a verdict and counts for each key', async () => {
    const { memory, verify, verified, work } = await setUp();
    memory.setMetadata(3, 'number', 'wrong');
    memory.deleteMetadata(4, 'number');
    memory.insertInstance(instance(21, { city: Number.NaN }));
    memory.setMetadata(21, 'number', 'left over');
    await verify();
    await work();

    const counts = { absent: 1, different: 1, orphaned: 1, total: 21 };
    expect(await verified('number')).toMatchObject({ ...counts, verdict: 'different' });
    expect(await verified('city')).toMatchObject({ ...EQUAL, verdict: 'unknown', total: 21 });
  });

  test('is equal for a key, even if another key has failed everywhere', async () => {
    const { memory, verify, verified, work } = await setUp();
    for (let id = 1; id <= 20; id += 1)
      memory.updateInstance(id, {
        tasks: [{ state: 'COMPLETED', endedAt: 2, data: { invoice: { number: `old ${id}` }, city: 1n } }],
      });
    await verify();
    await work();

    expect(await verified('number')).toMatchObject(EQUAL);
    expect(await verified('city')).toMatchObject({ verdict: 'unknown' });
  });

  test('counts as well by verifyBackfill, and by a request with its options', async () => {
    const { options, request, verified, work } = await setUp();
    const { runId } = await verifyBackfill({ ...options, processModelId: MODEL, paths: [NUMBER] });
    expect(await verified('number')).toMatchObject({ ...EQUAL, runId });
    expect(await verified('city')).toBeNull();

    const again = await request([CITY], { mode: 'overwrite', clear: true, dryRun: true });
    await work();
    expect(await verified('city')).toMatchObject({ ...EQUAL, runId: again });
  });

  test('of two that overlap, the last one to complete counts', async () => {
    const { verify, verified, work } = await setUp();
    const first = await verify([NUMBER]);
    const second = await verify([NUMBER, CITY]);
    expect(second).not.toBe(first);
    await work();

    expect(await verified('number')).toMatchObject({ ...EQUAL, runId: second });
  });
});

describe('a verification that begins before the fill has completed', () => {
  const bill = { key: 'bill', path: 'bill.number' };

  test('says so for good, because the fill may make its result wrong', async () => {
    const { service, memory, work, request, verify, verified } = await setUp();
    const filler = await request([bill]);
    await service.pause(filler);
    const overtaking = await verify([bill]);
    expect(await service.columns(MODEL)).toContainEqual(
      expect.objectContaining({ key: 'bill', activeRunIds: [filler], verifyingRunIds: [overtaking] }),
    );
    await work();
    const found = { runId: overtaking, verdict: 'different', absent: 20, duringFill: true };
    expect(await verified('bill')).toMatchObject(found);
    await service.resume(filler);
    await work();
    expect(await service.status(filler)).toMatchObject({ state: 'completed', updated: 20 });
    expect(await verified('bill')).toMatchObject(found);

    memory.setMetadata(3, 'bill', 'wrong');
    await verify([bill]);
    await work();
    expect(await verified('bill')).toMatchObject({ verdict: 'different', different: 1, duringFill: false });
  });

  test.each([
    ['not if the fill was cancelled: it fills nothing any more', 'cancel', false],
    ['if the fill was paused', 'pause', true],
  ] as const)('says so %s', async (_, control, duringFill) => {
    const { service, work, request, verify, verified } = await setUp();
    await service[control](await request([bill]));
    await verify([bill]);
    await work();

    expect(await verified('bill')).toMatchObject({ verdict: 'different', absent: 20, duringFill });
  });

  test.each([
    ['a shard', 'shard'],
    ['the header', 'header'],
  ])(
    'says so if a newer version has changed %s of the run that fills, and nobody here can read it',
    async (_, part) => {
      const { repository, service, work, request, verify, verified } = await setUp();
      const filler = await request([bill]);
      await service.pause(filler);
      await verify([bill]);
      await work();
      const changed = (await repository.loadRun(filler)).find(
        ({ id }) => (id === filler) === (part === 'header'),
      );
      if (changed === undefined) throw new Error(`no ${part}`);
      await repository.commit({
        processModelId: MODEL,
        expected: [{ id: changed.id, revision: changed.revision }],
        instances: [],
        next: () => [{ ...changed, revision: 'newer', content: { ...Object(changed.content), format: 99 } }],
      });

      expect(await service.columns(MODEL)).toContainEqual(
        expect.objectContaining({
          key: 'bill',
          state: null,
          activeRunIds: part === 'header' ? [] : [filler],
        }),
      );
      expect(await verified('bill')).toMatchObject({ verdict: 'different', duringFill: true });
    },
  );
});

test('a paused verification is one that is under way', async () => {
  const { service, verify } = await setUp();
  const paused = await verify([NUMBER]);
  await service.pause(paused);

  const [column] = await service.columns(MODEL);
  expect(column).toMatchObject({ key: 'number', verifyingRunIds: [paused] });
});

describe('of two verifications that overlap and disagree, the worse result counts', () => {
  test('if the equal one was paused and ends last', async () => {
    const { memory, service, around, work, verify, verified } = await setUp();
    const paused = await verify([NUMBER]);
    around.walk = async () => void (await service.pause(paused));
    await work();
    around.walk = null;
    memory.setMetadata(1, 'number', 'wrong');
    const later = await verify([NUMBER, CITY]);
    await work();
    memory.setMetadata(1, 'number', 'old 1');
    await service.resume(paused);
    await work();

    expect(await service.status(paused)).toMatchObject({ state: 'completed', verdict: 'equal' });
    expect(await verified('number')).toMatchObject({ verdict: 'different', different: 1, runId: later });
    expect(await verified('city')).toMatchObject(EQUAL);

    const last = await verify([NUMBER]);
    await work();
    expect(await verified('number')).toMatchObject({ ...EQUAL, runId: last });
  });

  test('if the different one was paused and ends last', async () => {
    const { memory, service, work, verify, verified } = await setUp();
    memory.setMetadata(1, 'number', 'wrong');
    const paused = await verify([NUMBER], { shards: 2 });
    await work(1); // the first shard
    await service.pause(paused);
    memory.setMetadata(1, 'number', 'old 1');
    const later = await verify([NUMBER, CITY]);
    await work();
    expect(await verified('number')).toMatchObject({ ...EQUAL, runId: later });
    await service.resume(paused);
    await work();

    expect(await verified('number')).toMatchObject({ verdict: 'different', different: 1, runId: paused });
    expect(await verified('city')).toMatchObject(EQUAL);
  });

  test('and if a difference was found, that counts more than an instance that was not looked at', async () => {
    const { memory, service, around, work, verify, verified } = await setUp();
    const paused = await verify([NUMBER]);
    around.walk = async () => void (await service.pause(paused));
    await work();
    around.walk = null;
    memory.setMetadata(1, 'number', 'wrong');
    const later = await verify([NUMBER, CITY]);
    await work();
    memory.setMetadata(1, 'number', 'old 1');
    memory.deleteInstance(20);
    await service.resume(paused);
    await work();

    expect(await service.status(paused)).toMatchObject({ state: 'completed', verdict: 'unknown' });
    expect(await verified('number')).toMatchObject({ verdict: 'different', runId: later });
  });
});

test.each([
  ['fast, and is set back', 3_600_000, 0],
  ['slow, and is set right', -3_600_000, 0],
])('a clock that is %s hides no difference that a later verification finds', async (_, then, now) => {
  const memory = createMemoryRepository({ instances: [instance(1, dataOf(1)), instance(2, dataOf(2))] });
  const { queue, work } = createManualQueue();
  const runtime = testRuntime(1, 5);
  let shift = then;
  const service = createBackfillService({
    ...{ repository: memory, queue, logger: linesLogger() },
    runtime: { ...runtime, now: () => runtime.now() + shift },
  });
  const verified = async () => (await service.columns(MODEL))[0]?.verified?.verdict;
  const verify = async () => {
    await service.verify({ processModelId: MODEL, paths: [NUMBER] });
    await work(service);
  };
  await requestRun(service, [NUMBER], {});
  await work(service);
  await verify();
  expect(await verified()).toBe('equal');
  shift = now;
  memory.setMetadata(1, 'number', 'wrong');

  await verify();
  expect(await verified()).toBe('different');
  memory.setMetadata(1, 'number', 'old 1');
  await verify();
  expect(await verified()).toBe('equal');
});

test('a verification that an earlier version keeps although it takes the key does not count', async () => {
  const { memory, verify, verified, work } = await setUp();
  await verify();
  await work();
  const [record] = await memory.loadRun(ownersRunId(MODEL), {});
  if (record === undefined) throw new Error('the owner record is missing');
  const { keys, ...content } = record.content as unknown as { keys: readonly { key: string }[] };
  const others: Record<string, object> = { number: { filler: 'another run' }, city: { tried: true } };
  const taken = keys.map((owned) => ({ ...owned, ...others[owned.key] }));
  await memory.commit(
    {
      processModelId: MODEL,
      instances: [],
      expected: [{ id: record.id, revision: record.revision }],
      next: () => [{ ...record, revision: 'later', content: { ...content, keys: taken } as never }],
    } as never,
    {},
  );

  expect(await verified('number')).toBeNull();
  expect(await verified('city')).toBeNull();
});

describe('a run that is no verification of all instances', () => {
  test.each<[string, object]>([
    ['has a limit', { limit: 20 }],
    ['is given its instances', { instanceIds: [1, 2] }],
  ])('because it %s, verifies no column', async (_, rest) => {
    const { verify, verified, work } = await setUp();
    await verify([NUMBER], rest);
    await work();

    expect(await verified('number')).toBeNull();
  });

  test.each<[string, object]>([
    ['does not clear', { mode: 'overwrite' }],
    ['only fills', { mode: 'fill' }],
  ])('because it %s, verifies no column', async (_, rest) => {
    const { request, verified, work } = await setUp();
    await request([NUMBER], { ...rest, dryRun: true });
    await work();

    expect(await verified('number')).toBeNull();
  });

  test('because it compares another path, verifies no column', async () => {
    const { verify, verified, work } = await setUp();
    await verify([BILL]);
    await work();

    expect(await verified('number')).toBeNull();
  });
});

type World = Awaited<ReturnType<typeof setUp>>;

const CHANGES: readonly [string, (world: World) => Promise<unknown>][] = [
  ['requested from the same path', ({ request }) => request([NUMBER])],
  ['requested from another path', ({ request }) => request([BILL], { mode: 'overwrite' })],
  ['tried from another path', ({ request }) => request([BILL], { mode: 'overwrite', limit: 1 })],
  ['removed', ({ request }) => request([NUMBER], { mode: 'remove' })],
  [
    'removed from the model',
    ({ service }) => service.request({ processModelId: MODEL, before: [NUMBER], after: [] }),
  ],
  [
    'read from another path by the model',
    ({ service }) => service.request({ processModelId: MODEL, before: [NUMBER], after: [BILL] }),
  ],
];

describe('a key that is', () => {
  test.each(CHANGES)('%s is not verified any more', async (_, change) => {
    const world = await setUp();
    const { verify, verified, work } = world;
    await verify();
    await work();
    await change(world);

    expect(await verified('number')).toBeNull();
    expect(await verified('city')).toMatchObject(EQUAL);
    await work();
    expect(await verified('number')).toBeNull();
  });

  test.each(CHANGES)('%s during a verification is not verified by it', async (_, change) => {
    const world = await setUp();
    const { verify, verified, work } = world;
    const runId = await verify();
    await change(world);
    await work();

    expect(await verified('number')).toBeNull();
    expect(await verified('city')).toMatchObject({ ...EQUAL, runId });
  });

  test.each(CHANGES)('%s right before the end of a verification is not verified by it', async (_, change) => {
    const world = await setUp();
    const { verify, verified, work, around, service } = world;
    const runId = await verify();
    let ends = 0;
    around.end = async (proceed) => {
      around.end = null;
      ends += 1;
      await change(world);
      return proceed();
    };
    await work();

    expect(ends).toBe(1);
    expect((await service.status(runId)).state).toBe('completed');
    expect(await verified('number')).toBeNull();
    expect(await verified('city')).toMatchObject({ ...EQUAL, runId });
  });

  test('tried between two model updates that lead back to its path is not verified', async () => {
    const { service, request, verify, verified, work } = await setUp();
    const update = (before: ExtractionPath, after: ExtractionPath) =>
      service.request({ processModelId: MODEL, before: [before], after: [after] });
    await update(NUMBER, BILL);
    await verify([BILL]);
    await update(BILL, NUMBER);
    await request([{ key: 'number', path: 'city' }], { mode: 'overwrite', limit: 1 });
    await update(NUMBER, BILL);
    await work();

    expect(await verified('number')).toBeNull();
  });

  test.each<[string, (world: World) => Promise<unknown>]>([
    ['tried from its own path', ({ request }) => request([NUMBER], { limit: 1 })],
    ['filled by a dry run', ({ request }) => request([BILL], { mode: 'overwrite', dryRun: true })],
    [
      'left as it is by a model update',
      ({ service }) =>
        service.request({
          processModelId: MODEL,
          before: [NUMBER],
          after: [NUMBER, { key: 'other', path: 'other' }],
        }),
    ],
  ])('%s stays verified', async (_, change) => {
    const world = await setUp();
    const { verify, verified, work } = world;
    await verify();
    await work();
    await change(world);
    await work();

    expect(await verified('number')).toMatchObject(EQUAL);
  });
});

describe('a verification that is requested again', () => {
  test('after the keys were, verifies those of the newer run, which it walks over again', async () => {
    const { verify, verified, work, request, service } = await setUp();
    const runId = await verify();
    await service.pause(runId);
    const newer = await request([NUMBER]);
    await work();
    expect(await verify([CITY, NUMBER])).toBe(runId);
    await service.resume(runId);
    await work();

    expect(await verified('number')).toMatchObject({ ...EQUAL, runId });
    expect(await service.columns(MODEL)).toMatchObject([{ runId: newer }, {}]);
  });

  test('too late for its last walk, does not', async () => {
    const { verify, verified, work, request, service, around } = await setUp();
    const runId = await verify();
    const covered: unknown[] = [];
    around.walk = async () => {
      if (covered.length === 2) await request([NUMBER], { mode: 'overwrite' });
      if (covered.length === 3) return;
      const again = await service.verify({ processModelId: MODEL, paths: [NUMBER, CITY] });
      covered.push(Object(again).covered);
    };
    await work();

    expect(covered).toEqual([true, true, false]);
    expect((await service.status(runId)).state).toBe('completed');
    expect(await verified('number')).toBeNull();
    expect(await verified('city')).toMatchObject({ ...EQUAL, runId });
  });
});

describe('the end of a verification', () => {
  test('and what it has verified are one commit: both survive the loss of its answer', async () => {
    const { verify, verified, work, around, service } = await setUp();
    const runId = await verify();
    around.end = async (proceed) => {
      around.end = null;
      await proceed();
      throw databaseError('ECONNRESET');
    };
    await work();

    expect((await service.status(runId)).state).toBe('completed');
    expect(await verified('number')).toMatchObject({ ...EQUAL, runId });
  });

  test('that fails is made up for by a sweep', async () => {
    const { verify, verified, work, around, service } = await setUp();
    const runId = await verify();
    around.end = async () => {
      throw databaseError('ECONNRESET');
    };
    await expect(work()).rejects.toThrow('ECONNRESET');
    expect(await verified('number')).toBeNull();
    around.end = null;

    const report = await service.sweep({ staleAfterMs: 1_000 });

    expect(report.completed).toEqual([runId]);
    expect(await verified('number')).toMatchObject({ ...EQUAL, runId });
  });
});

test('the owner record of an earlier version has keys that are not verified', async () => {
  const { repository, verify, verified, work } = await setUp();
  const [record] = await repository.loadRun(ownersRunId(MODEL));
  if (record === undefined) throw new Error('no record');
  const content = Object(record.content) as { readonly keys: readonly object[] };
  const keys = content.keys.map((owned) =>
    Object.fromEntries(Object.entries(owned).filter(([name]) => name !== 'verified')),
  );
  await repository.commit({
    processModelId: MODEL,
    expected: [{ id: record.id, revision: record.revision }],
    instances: [],
    next: () => [{ ...record, revision: 'earlier', content: { ...content, keys } as never }],
  });

  expect(await verified('number')).toBeNull();
  await verify();
  await work();
  expect(await verified('number')).toMatchObject(EQUAL);
});
