import { describe, expect, test } from 'vitest';
import {
  type BackfillRepository,
  createBackfillService,
  InvalidExtractionPathsError,
  InvalidInputError,
  PortError,
  type ServicePreview,
} from '../../src/index.js';
import { createInProcessQueue, createMemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const INSTANCES = Array.from({ length: 20 }, (_, index) =>
  instance(
    index,
    { invoice: { number: `INV-${index}`, total: index }, customer: { city: 'Oslo' } },
    { metadata: { amount: 'old' } },
  ),
);
const BEFORE = [
  { key: 'amount', path: 'invoice.amount' },
  { key: 'kept', path: 'customer.city' },
  { key: 'removed', path: 'x' },
];
const AFTER = [
  { key: 'amount', path: 'invoice.total' },
  { key: 'kept', path: 'customer.city' },
  { key: 'invoice_number', path: 'invoice.number' },
];

const refusing = { enqueue: () => Promise.reject(new Error('no job is needed')) };
const reading = (repository: BackfillRepository = createMemoryRepository({ instances: INSTANCES })) =>
  intercept(repository, ({ method, proceed }) => {
    if (method !== 'surveyInstances' && method !== 'readInstances') throw new Error(`no ${method} is needed`);
    return proceed();
  });
const service = (options: object = {}) =>
  createBackfillService({ repository: reading(), queue: refusing, runtime: testRuntime(), ...options });
const counts = ({ keys }: ServicePreview, key: string) => {
  const { found, wouldFill, wouldReplace } = keys[key] ?? {};
  return [found?.count, wouldFill?.count, wouldReplace?.count];
};

describe('a preview of a model update', () => {
  test('is about the added and the changed keys, and has the diff', async () => {
    const preview = await service().preview({ processModelId: MODEL, before: BEFORE, after: AFTER });

    expect(Object.keys(preview.keys)).toEqual(['invoice_number', 'amount']);
    expect(counts(preview, 'invoice_number')).toEqual([20, 20, 0]);
    expect(counts(preview, 'amount')).toEqual([20, 0, 20]);
    expect(preview.diff).toMatchObject({
      added: [AFTER[2]],
      changed: [{ key: 'amount', before: BEFORE[0], after: AFTER[0] }],
      removed: [BEFORE[2]],
      unchanged: [AFTER[1]],
    });
    expect(preview).toMatchObject({ processModelId: MODEL, total: 20, sampled: 20, warnings: [] });
  });

  test('that adds and changes nothing counts the instances, and reads none', async () => {
    const memory = createMemoryRepository({ instances: INSTANCES });
    const repository = intercept(memory, ({ method, proceed }) => {
      if (method !== 'surveyInstances') throw new Error('nothing is to be read');
      return proceed();
    });
    const preview = await service({ repository }).preview({
      processModelId: MODEL,
      before: BEFORE,
      after: [],
    });
    expect(preview).toMatchObject({
      total: 20,
      sampled: 0,
      keys: {},
      warnings: [],
      projected: { ms: [0, 0] },
    });
    expect(preview.diff?.removed).toHaveLength(3);
  });

  test('takes null for either side', async () => {
    const preview = await service().preview({ processModelId: MODEL, before: null, after: PATHS });
    expect(counts(preview, 'invoice_number')).toEqual([20, 20, 0]);
    const nothing = await service().preview({ processModelId: MODEL, before: PATHS, after: null });
    expect(nothing.keys).toEqual({});
  });
});

describe('what a preview of a model update projects', () => {
  const update = { processModelId: MODEL, before: BEFORE, after: AFTER };
  const exactly = (count: number, rate: number) => ({ count, rate, low: rate, high: rate });

  test.each([false, true, undefined])(
    'fills as many rows as its request writes, with includeChanged %s, even if the host has stored values',
    async (includeChanged) => {
      const byHost = { ...INSTANCES[0], metadata: { amount: 'old', invoice_number: 'by the host' } };
      const instances = [byHost, ...INSTANCES.slice(1)] as typeof INSTANCES;
      const repository = createMemoryRepository({ instances });
      const queue = createInProcessQueue();
      const writing = createBackfillService({ repository, queue });
      const { projected } = await writing.preview({ ...update, includeChanged });
      const request = await writing.request({ ...update, includeChanged });
      queue.work(writing.handle);
      await queue.idle();
      await queue.stop();

      const { keys } = await writing.status('runId' in request ? request.runId : '');
      const written = Object.values(keys).map((key) => key.written);
      expect(written).toEqual(includeChanged ? [19, 20] : [19]);
      expect(projected.fillRows.count).toBe(includeChanged ? 39 : 19);
      expect(projected.overwriteRows).toEqual(exactly(includeChanged ? 40 : 20, 1));
    },
  );

  test('counts rows of the added keys only, null rows, too, and shows the changed keys all the same', async () => {
    const { keys, projected } = await service().preview(update);
    expect(Object.keys(keys)).toEqual(['invoice_number', 'amount']);
    expect(projected.fillRows).toEqual(exactly(20, 1));
    expect(projected.overwriteRows).toEqual(exactly(20, 1));
    const all = await service().preview({ ...update, includeChanged: true });
    expect(Object.keys(all.keys)).toEqual(['invoice_number', 'amount']);
    expect(all.projected.fillRows).toEqual(exactly(40, 1));
    expect(all.projected.overwriteRows).toEqual(exactly(40, 1));

    const absent = [...BEFORE, { key: 'moved', path: 'no.such' }];
    const after = [...AFTER, { key: 'moved', path: 'not.there' }];
    const kept = await service().preview({ processModelId: MODEL, before: absent, after });
    expect(kept.projected.fillRows.count).toBe(20);
  });

  test('is no run if it only changes keys', async () => {
    const changed = { processModelId: MODEL, before: BEFORE.slice(0, 1), after: AFTER.slice(0, 1) };
    const limited = service({ maxInstancesPerSecond: 1 });
    const { keys, projected } = await limited.preview(changed);
    expect(keys.amount?.wouldReplace.count).toBe(20);
    expect(projected).toEqual({ ms: [0, 0], fillRows: exactly(0, 0), overwriteRows: exactly(0, 0) });
    const again = await limited.preview({ ...changed, includeChanged: true });
    expect(again.projected.overwriteRows.count).toBe(20);
    expect(again.projected.ms[0]).toBe(20_000);
  });

  test.each([2_000, 20, 1])('takes the time of reading those keys, of %i instances', async (count) => {
    const runtime = testRuntime();
    const memory = createMemoryRepository({ instances: invoices(count) });
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      const answer = await proceed();
      // Each path of an instance takes a millisecond.
      const { paths = [] } = argument as { readonly paths?: readonly unknown[] };
      if (method === 'readInstances') {
        const { length } = answer as readonly unknown[];
        await runtime.sleep(length * paths.length);
      }
      return answer;
    });
    const watched = service({ repository, runtime });
    const added = await watched.preview(update);
    expect(added.projected.ms[0]).toBe(count);
    const both = await watched.preview({ ...update, includeChanged: true });
    expect(both.projected.ms[0]).toBe(2 * count);
  });
});

describe('a preview of paths', () => {
  test('is that of previewBackfill, without a diff', async () => {
    const preview = await service().preview({ processModelId: MODEL, paths: PATHS, instanceIds: [1, 2] });
    expect(preview).toMatchObject({ total: 2, sampled: 2, diff: null });
    expect(counts(preview, 'invoice_number')).toEqual([2, 2, 0]);
  });

  test('works though the service is disabled', async () => {
    const preview = await service({ config: { enabled: false } }).preview({
      processModelId: MODEL,
      paths: PATHS,
    });
    expect(preview.sampled).toBe(20);
  });

  test('keeps to what the service was told: null rows, the size of batches, tries, and the most instances per second', async () => {
    const running = { processModelId: MODEL, paths: [{ key: 'k', path: 'no.such' }], sampleSize: 10 };
    const repository = reading(createMemoryRepository({ instances: invoices(900) }));
    const limits: number[] = [];
    const watched = intercept(repository, ({ argument, proceed }) => {
      limits.push((argument as { readonly limit: number }).limit);
      return proceed();
    });

    const withNull = await service({ repository: watched }).preview(running);
    expect(withNull.projected.fillRows.count).toBe(10);
    const omitting = await service({ repository, missing: 'omit' }).preview(running);
    expect(omitting.projected.fillRows.count).toBe(0);
    limits.length = 0;
    await service({ repository: watched, batchSize: 7 }).preview({ ...running, paths: PATHS });
    expect(limits.filter((limit) => limit === 7)).toHaveLength(5);
    const slow = await service({ repository, maxInstancesPerSecond: 3 }).preview(running);
    expect(slow.projected.ms).toEqual([300_000, 300_000]);
  });

  test('stops when its signal is aborted, and fails with a PortError as runs do', async () => {
    const reason = new Error('the page was closed');
    const signal = AbortSignal.abort(reason);
    await expect(service().preview({ processModelId: MODEL, paths: PATHS, signal })).rejects.toBe(reason);
    let calls = 0;
    const broken = intercept(createMemoryRepository(), () => {
      calls += 1;
      throw databaseError('40001');
    });
    const failing = service({ repository: broken, retry: { attempts: 3 } });
    const error = await failing
      .preview({ processModelId: MODEL, paths: PATHS })
      .catch((error: unknown) => error);
    expect(error).toBeInstanceOf(PortError);
    expect(error).toMatchObject({ runId: null, retryable: true });
    expect(calls).toBe(3);
  });
});

describe('a preview is refused before any I/O', () => {
  const noCall = () =>
    service({
      repository: intercept(createMemoryRepository(), () => {
        throw new Error('no call is needed');
      }),
    });

  test.each<[request: object, message: RegExp]>([
    [{}, /processModelId: expected a text that is not blank/],
    [{ processModelId: MODEL }, /expected paths, or before and after/],
    [{ processModelId: MODEL, before: [] }, /expected paths, or before and after/],
    [{ processModelId: MODEL, paths: PATHS, after: [] }, /after: leave it out when paths is given/],
    [{ processModelId: MODEL, before: [], after: 7 }, /after: expected a list of \{ key, path \}/],
    [{ processModelId: MODEL, paths: PATHS, sampleSize: 1.5 }, /sampleSize: expected a whole number/],
    [
      { processModelId: MODEL, before: [], after: PATHS, includeChanged: 'yes' },
      /includeChanged: expected true or false/,
    ],
    [
      { processModelId: MODEL, paths: PATHS, includeChanged: true },
      /includeChanged: leave it out when paths is given/,
    ],
    [{ processModelId: MODEL, before: [], after: PATHS, removed: 'purge' }, /removed: unknown name/],
  ])('%j', async (request, message) => {
    const refusal = noCall().preview(request as never);
    await expect(refusal).rejects.toThrow(InvalidInputError);
    await expect(refusal).rejects.toThrow(message);
  });

  test('with a path that cannot be used', async () => {
    const paths = [{ key: 'k', path: 'a[*]' }];
    await expect(noCall().preview({ processModelId: MODEL, paths })).rejects.toThrow(
      InvalidExtractionPathsError,
    );
    const update = { processModelId: MODEL, before: [], after: paths };
    await expect(noCall().preview(update)).rejects.toThrow(InvalidExtractionPathsError);
  });
});
