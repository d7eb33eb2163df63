import { describe, expect, test } from 'vitest';
import type { ExtractionPath } from '../../src/index.js';
import { MODEL } from '../support/instances.js';
import { EQUAL, type FilledModel, fillModel } from './support/filled-model.js';
import { BILL, NUMBER } from './support/two-paths.js';

describe('a run that is no verification of all instances', () => {
  test.each<[string, object]>([
    ['has a limit', { limit: 20 }],
    ['is given its instances', { instanceIds: [1, 2] }],
  ])('because it %s, verifies no column', async (_, rest) => {
    const { verify, verified, work } = await fillModel();
    await verify([NUMBER], rest);
    await work();

    expect(await verified('number')).toBeNull();
  });

  test.each<[string, object]>([
    ['does not clear', { mode: 'overwrite' }],
    ['only fills', { mode: 'fill' }],
  ])('because it %s, verifies no column', async (_, rest) => {
    const { request, verified, work } = await fillModel();
    await request([NUMBER], { ...rest, dryRun: true });
    await work();

    expect(await verified('number')).toBeNull();
  });

  test('because it compares another path, verifies no column', async () => {
    const { verify, verified, work } = await fillModel();
    await verify([BILL]);
    await work();

    expect(await verified('number')).toBeNull();
  });
});

const CHANGES: readonly [string, (model: FilledModel) => Promise<unknown>][] = [
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
    const model = await fillModel();
    const { verify, verified, work } = model;
    await verify();
    await work();
    await change(model);

    expect(await verified('number')).toBeNull();
    expect(await verified('city')).toMatchObject(EQUAL);
    await work();
    expect(await verified('number')).toBeNull();
  });

  test.each(CHANGES)('%s during a verification is not verified by it', async (_, change) => {
    const model = await fillModel();
    const { verify, verified, work } = model;
    const runId = await verify();
    await change(model);
    await work();

    expect(await verified('number')).toBeNull();
    expect(await verified('city')).toMatchObject({ ...EQUAL, runId });
  });

  test.each(CHANGES)('%s right before the end of a verification is not verified by it', async (_, change) => {
    const model = await fillModel();
    const { verify, verified, work, around, service } = model;
    const runId = await verify();
    let ends = 0;
    around.end = async (proceed) => {
      around.end = null;
      ends += 1;
      await change(model);
      return proceed();
    };
    await work();

    expect(ends).toBe(1);
    expect((await service.status(runId)).state).toBe('completed');
    expect(await verified('number')).toBeNull();
    expect(await verified('city')).toMatchObject({ ...EQUAL, runId });
  });

  test('tried between two model updates that lead back to its path is not verified', async () => {
    const { service, request, verify, verified, work } = await fillModel();
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

  test.each<[string, (model: FilledModel) => Promise<unknown>]>([
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
    const model = await fillModel();
    const { verify, verified, work } = model;
    await verify();
    await work();
    await change(model);
    await work();

    expect(await verified('number')).toMatchObject(EQUAL);
  });
});
