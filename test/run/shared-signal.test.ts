import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { createBackfillService } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { linkedAbort } from '../../src/run/context/linked-abort.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { testRuntime } from '../support/test-runtime.js';

test('jobs leave nothing behind on a signal that they share', async () => {
  const { signal } = new AbortController();
  const jobs: unknown[] = [];
  const service = createBackfillService({
    repository: createMemoryRepository({ instances: invoices(200) }),
    queue: { enqueue: async ({ payload }) => void jobs.push(payload) },
    runtime: testRuntime(1, 1),
    batchSize: 1,
    sliceMs: 1,
    throttle: async () => null,
  });
  await service.request({ processModelId: MODEL, paths: PATHS });
  let count = 0;
  for (; jobs.length > 0; count += 1) await service.handle(jobs.shift(), { signal });

  expect(count).toBeGreaterThan(100);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  // AbortSignal.any would leave an entry in a set of the signal that Node.js does not show.
  const internals = Object.getOwnPropertySymbols(signal).map((name) => Reflect.get(signal, name));
  const sizes = internals.map((internal) => Object(internal).size).filter((size) => size !== undefined);
  expect(sizes.filter((size) => size > 0)).toEqual([]);
});

test('a linked abort follows its signal, also one that is aborted already', () => {
  const outer = new AbortController();
  const [early, gone] = [linkedAbort(outer.signal), linkedAbort(outer.signal)];
  gone.unlink();
  outer.abort('enough');

  expect(early.signal.reason).toBe('enough');
  expect(gone.signal.aborted).toBe(false);
  expect(linkedAbort(outer.signal).signal.reason).toBe('enough');
});
