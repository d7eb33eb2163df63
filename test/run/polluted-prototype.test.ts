import { afterEach, expect, test } from 'vitest';
import { createBackfillService, runBackfill } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { testRuntime } from '../support/test-runtime.js';

const prototype = Object.prototype as unknown as Record<string, unknown>;
const polluted = {
  runId: 'other',
  dryRun: true,
  limit: 3,
  foo: 1,
  initial: 1,
  attempts: 1,
  paths: PATHS,
};

afterEach(() => {
  for (const name of Object.keys(polluted)) delete prototype[name];
});

test.each(Object.entries(polluted))('an inherited %s is none of the options', async (name, value) => {
  const repository = createMemoryRepository({ instances: invoices(9) });
  const progress: number[] = [];
  const options = {
    repository,
    processModelId: MODEL,
    paths: PATHS,
    runtime: testRuntime(),
    batchSize: { max: 5 },
    retry: {},
    onProgress: ({ visited }: { visited: number }) => void progress.push(visited),
  };
  prototype[name] = value;

  const report = await runBackfill(options);

  expect(report).toMatchObject({ state: 'completed', dryRun: false, total: 9, updated: 9 });
  expect(progress).toContain(5);
  expect(repository.metadata(9)).toEqual({ invoice_number: 'INV-9' });
  const service = createBackfillService({ repository, queue: { enqueue: async () => {} } });
  expect(
    await service.request({ processModelId: MODEL, before: [], after: [{ key: 'k', path: 'k' }] }),
  ).toMatchObject({ status: 'triggered', keys: ['k'] });
});
