import { describe, expect, test } from 'vitest';
import { createBackfillService } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, MODEL } from '../support/instances.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';
import { EQUAL, type FilledModel, fillModel } from './support/filled-model.js';
import { CITY, createManualQueue, dataOf, NUMBER, requestRun } from './support/two-paths.js';

/** One verification is paused before it reads an instance. The later one completes and finds a value that is wrong for that time. */
async function verifyBeside({ memory, service, around, work, verify }: FilledModel) {
  const paused = await verify([NUMBER]);
  around.walk = async () => void (await service.pause(paused));
  await work();
  around.walk = null;
  memory.setMetadata(1, 'number', 'wrong');
  const later = await verify([NUMBER, CITY]);
  await work();
  memory.setMetadata(1, 'number', 'old 1');
  return { paused, later };
}

describe('of two verifications that overlap and disagree, the worse result counts', () => {
  test('if the equal one was paused and ends last', async () => {
    const model = await fillModel();
    const { service, work, verify, verified } = model;
    const { paused, later } = await verifyBeside(model);
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
    const { memory, service, work, verify, verified } = await fillModel();
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
    const model = await fillModel();
    const { memory, service, work, verified } = model;
    const { paused, later } = await verifyBeside(model);
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
