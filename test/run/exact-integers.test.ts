import { expect, test } from 'vitest';
import { runBackfill } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, MODEL } from '../support/instances.js';

const PATHS = [
  { key: 'order_id', path: 'order.id' },
  { key: 'order', path: 'order' },
] as const;
const ID = '3544790567247868102';
const JSON_TEXT = `{"order":{"id":${ID},"lines":[[${ID}]]}}`;
const ORDER = { id: ID, lines: [[ID]] };

const withText = (id: number, json: string, metadata = {}) =>
  instance(id, null, { tasks: [{ state: 'COMPLETED', endedAt: 1, json }], metadata });

test('an integer that a double cannot hold is stored digit for digit, also in an object', async () => {
  const repository = createMemoryRepository({ instances: [withText(1, JSON_TEXT)] });

  const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS });

  expect(report).toMatchObject({ state: 'completed', updated: 1, failed: 0 });
  expect(repository.metadata(1)).toEqual({ order_id: ID, order: ORDER });
});

test('overwrite keeps the digits that are stored, and replaces those that were rounded', async () => {
  const repository = createMemoryRepository({
    instances: [
      withText(1, JSON_TEXT, { order_id: ID, order: ORDER }),
      withText(2, JSON_TEXT, { order_id: Number(ID), order: ORDER }),
    ],
  });
  const options = { repository, processModelId: MODEL, paths: PATHS, mode: 'overwrite' } as const;

  expect(await runBackfill(options)).toMatchObject({ state: 'completed', updated: 1, failed: 0 });
  expect(repository.metadata(1)).toEqual({ order_id: ID, order: ORDER });
  expect(repository.metadata(2)).toEqual({ order_id: ID, order: ORDER });
  expect(await runBackfill(options)).toMatchObject({ state: 'completed', updated: 0, failed: 0 });
});

test('a parsed integer that may have lost digits is a failure that says to hand over the text', async () => {
  const repository = createMemoryRepository({
    instances: [instance(1, { order: { id: 2 ** 60 } }), instance(2, { order: { id: 2 ** 53 - 1 } })],
  });

  const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS });

  expect(report).toMatchObject({ state: 'completed_with_failures', updated: 1, failed: 1 });
  expect(report.failures).toMatchObject([
    { instanceId: 1, key: 'order_id', code: 'VALUE_UNSAFE_INTEGER' },
    { instanceId: 1, key: 'order', code: 'VALUE_UNSAFE_INTEGER' },
  ]);
  expect(report.failures[0]?.reason).toContain("{ form: 'json', text }");
  expect(repository.metadata(2)).toEqual({ order_id: 2 ** 53 - 1, order: { id: 2 ** 53 - 1 } });
});

test('shared references that double with each level are a failure of that instance', async () => {
  let order: unknown = ['leaf'];
  for (let level = 0; level < 20; level += 1) order = [order, order];
  const repository = createMemoryRepository({ instances: [instance(1, { order })] });

  const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS });

  expect(report.failures).toMatchObject([{ instanceId: 1, key: 'order', code: 'VALUE_TOO_LARGE' }]);
});
