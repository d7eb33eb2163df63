import { describe, expect, test } from 'vitest';
import { verifyBackfill } from '../../src/index.js';
import { ownersRunId } from '../../src/run/record/owner-record.js';
import { instance, MODEL } from '../support/instances.js';
import { databaseError } from '../support/intercept.js';
import { EQUAL, fillModel } from './support/filled-model.js';
import { CITY, NUMBER } from './support/two-paths.js';

describe('a verification of all instances', () => {
  test('is what the columns of its keys say was verified', async () => {
    const { service, verify, verified, work } = await fillModel();
    expect(await verified('number')).toBeNull();
    const runId = await verify();
    await work();

    const { startedAt: since, endedAt: at } = await service.status(runId);
    expect(await verified('number')).toEqual({ ...EQUAL, runId, since, at });
    expect(await verified('city')).toEqual({ ...EQUAL, runId, since, at });
  });

  test('has a verdict and counts for each key', async () => {
    const { memory, verify, verified, work } = await fillModel();
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
    const { memory, verify, verified, work } = await fillModel();
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
    const { options, request, verified, work } = await fillModel();
    const { runId } = await verifyBackfill({ ...options, processModelId: MODEL, paths: [NUMBER] });
    expect(await verified('number')).toMatchObject({ ...EQUAL, runId });
    expect(await verified('city')).toBeNull();

    const again = await request([CITY], { mode: 'overwrite', clear: true, dryRun: true });
    await work();
    expect(await verified('city')).toMatchObject({ ...EQUAL, runId: again });
  });

  test('of two that overlap, the last one to complete counts', async () => {
    const { verify, verified, work } = await fillModel();
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
    const { service, memory, work, request, verify, verified } = await fillModel();
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
    const { service, work, request, verify, verified } = await fillModel();
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
      const { repository, service, work, request, verify, verified } = await fillModel();
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
  const { service, verify } = await fillModel();
  const paused = await verify([NUMBER]);
  await service.pause(paused);

  const [column] = await service.columns(MODEL);
  expect(column).toMatchObject({ key: 'number', verifyingRunIds: [paused] });
});

test('a verification that an earlier version keeps although it takes the key does not count', async () => {
  const { memory, verify, verified, work } = await fillModel();
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

describe('a verification that is requested again', () => {
  test('after the keys were, verifies those of the newer run, which it walks over again', async () => {
    const { verify, verified, work, request, service } = await fillModel();
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
    const { verify, verified, work, request, service, around } = await fillModel();
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
    const { verify, verified, work, around, service } = await fillModel();
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
    const { verify, verified, work, around, service } = await fillModel();
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
  const { repository, verify, verified, work } = await fillModel();
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
