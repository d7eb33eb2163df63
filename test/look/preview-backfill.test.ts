import { describe, expect, test } from 'vitest';
import {
  type BackfillRepository,
  formatMetadataValue,
  InvalidExtractionPathsError,
  InvalidInputError,
  type JsonValue,
  previewBackfill,
  runBackfill,
  verifyBackfill,
} from '../../src/index.js';
import { randomFrom } from '../faults/support/seeded-random.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';
import { memory, preview } from './support/preview.js';

const QUIET = { info() {}, warn() {}, error() {} };

/** As exact as a run: every instance was seen. */
const exactly = (count: number, total: number) => ({
  count,
  rate: count / total,
  low: count / total,
  high: count / total,
});

describe('a preview of all instances', () => {
  const stored = (value: JsonValue) => ({ metadata: { invoice_number: value } });
  const INSTANCES = [
    instance('fill', { invoice: { number: 'INV-1' } }),
    instance('fill over null', { invoice: { number: 'INV-2' } }, stored(null)),
    instance('replace', { invoice: { number: 'INV-3' } }, stored('INV-0')),
    instance('keep', { invoice: { number: 'INV-4' } }, stored('INV-4')),
    instance('null', { invoice: { number: null } }),
    instance('orphaned null', { invoice: { number: null } }, stored('INV-6')),
    instance('missing', { invoice: {} }),
    instance('running', { invoice: {} }, { running: true }),
    instance('orphaned', {}, stored('INV-8')),
    instance('no task', null, { tasks: [] }),
    instance('unreadable', null, { tasks: [{ state: 'COMPLETED', json: '{"invoice": ' }] }),
    instance('not storable', { invoice: { number: Number.NaN } }),
  ];

  test('counts per key what is found and what either mode would do', async () => {
    const { keys, total, sampled, projected } = await preview(memory(INSTANCES));

    expect({ total, sampled }).toEqual({ total: 12, sampled: 12 });
    expect(keys.invoice_number).toMatchObject({
      path: 'invoice.number',
      found: exactly(4, 12),
      null: exactly(2, 12),
      missing: exactly(4, 12),
      failed: exactly(2, 12),
      wouldFill: exactly(2, 12),
      wouldReplace: exactly(1, 12),
      orphaned: exactly(2, 12),
      truncated: 0,
      types: { string: 4 },
      didYouMean: [],
    });
    // 'fill', 'fill over null', and null rows for 'null', 'missing' and 'no task', but not for 'running'
    expect(projected.fillRows).toEqual(exactly(5, 12));
    expect(projected.overwriteRows).toEqual(exactly(6, 12));
  });

  test('expects no null rows with missing: omit', async () => {
    const { projected } = await previewBackfill({
      ...{ repository: memory(INSTANCES), processModelId: MODEL, paths: PATHS },
      missing: 'omit',
    });

    expect(projected.fillRows).toEqual(exactly(2, 12));
    expect(projected.overwriteRows).toEqual(exactly(3, 12));
  });

  test.each(['fill', 'overwrite'] as const)('foretells what a run with the mode %s counts', async (mode) => {
    const repository = memory(INSTANCES);
    const { found, failed, orphaned, wouldFill, wouldReplace, ...rest } = (await preview(repository)).keys
      .invoice_number;

    const report = await runBackfill({ repository, processModelId: MODEL, paths: PATHS, mode });

    const counts = report.keys.invoice_number;
    const replaced = mode === 'overwrite' ? wouldReplace.count : 0;
    expect(counts).toMatchObject({ written: wouldFill.count + replaced, replaced });
    if (mode === 'fill') return;
    expect(counts).toMatchObject({
      failed: failed.count,
      orphaned: orphaned.count,
      missing: rest.missing.count,
      null: rest.null.count,
      kept: found.count - wouldFill.count - wouldReplace.count,
    });
  });

  test('counts a text that the column does not take as failed, as a run, a dry run and a verification do', async () => {
    const repository: BackfillRepository = {
      ...memory([
        instance(1, { invoice: { number: 'a\u0000b' } }),
        instance(2, { invoice: { number: 'ab' } }),
      ]),
      storesAnyText: false,
    };
    const options = { repository, processModelId: MODEL, paths: PATHS, logger: QUIET };
    const reason =
      'the value contains a NUL or half of a surrogate pair, which the metadata column cannot store';

    const { keys, warnings } = await preview(repository);
    const trial = await runBackfill({ ...options, dryRun: true });
    const before = await verifyBackfill(options);
    const run = await runBackfill(options);
    const after = await verifyBackfill(options);

    expect(keys.invoice_number).toMatchObject({
      found: { count: 1 },
      failed: { count: 1 },
      wouldFill: { count: 1 },
    });
    expect(warnings[0]).toContain(`For example, instance 1: ${reason} (WRITE_REJECTED)`);
    for (const report of [trial, before, run, after])
      expect(report.failures).toEqual([
        { instanceId: 1, key: 'invoice_number', code: 'WRITE_REJECTED', reason },
      ]);
    expect(after).toMatchObject({ verdict: 'unknown', differences: { invoice_number: { absent: 0 } } });
  });

  test('shows samples of each kind, what would change first', async () => {
    const { samples } = (await preview(memory(INSTANCES))).keys.invoice_number;
    expect(samples).toEqual([
      { instanceId: 'replace', before: 'INV-0', after: 'INV-3' },
      { instanceId: 'fill', before: null, after: 'INV-1' },
      { instanceId: 'orphaned null', before: 'INV-6', after: null },
      { instanceId: 'keep', before: 'INV-4', after: 'INV-4' },
      { instanceId: 'null', before: null, after: null },
    ]);
  });

  test('warns of failures, of stored values that no path finds, and names an instance', async () => {
    const { warnings } = await preview(memory(INSTANCES));
    expect(warnings).toEqual([
      'Key "invoice_number" fails in 2 of 12 sampled instances. For example, instance unreadable: the task data is not valid JSON (TASK_DATA_UNREADABLE)',
      `In 2 of 12 sampled instances, a value is stored, but path "invoice.number" of key "invoice_number" finds none. A run leaves these as they are, unless it has the mode 'overwrite' and clear: true.`,
    ]);
  });

  test('counts types and values that the column cuts, also where they are stored already', async () => {
    const repository: BackfillRepository = {
      ...memory([
        instance(1, { invoice: { number: 'x'.repeat(30) } }),
        instance(2, { invoice: { number: 'x'.repeat(30) } }, stored('x'.repeat(10))),
        instance(3, { invoice: { number: 17 } }),
        instance(4, { invoice: { number: true } }),
        instance(5, { invoice: { number: ['a'] } }),
        instance(6, { invoice: { number: { a: 1 } } }),
      ]),
      formatValue: (value) => formatMetadataValue(value, { maxLength: 10 }),
    };

    const { keys, warnings } = await preview(repository);

    expect(keys.invoice_number.truncated).toBe(2);
    expect(keys.invoice_number.types).toEqual({ string: 2, number: 1, boolean: 1, array: 1, object: 1 });
    expect(keys.invoice_number.samples).toContainEqual({ instanceId: 3, before: null, after: '17' });
    expect(warnings).toEqual([
      'In 2 of 6 sampled instances, the value of key "invoice_number" is too long for the column and is truncated.',
      'Key "invoice_number" has values of several types: string (2), number (1), boolean (1), array (1), object (1).',
    ]);
  });

  test('shows the rate of each tenth, from the oldest instances to the newest', async () => {
    const instances = Array.from({ length: 40 }, (_, index) =>
      instance(index, index < 24 ? {} : { invoice: { number: `INV-${index}` } }),
    );
    const { keys, warnings } = await preview(memory(instances));
    expect(keys.invoice_number.byAge).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
    expect(warnings).toEqual([
      'Path "invoice.number" of key "invoice_number" finds nothing in the sampled ones among the oldest 60 % of the instances. A run reads the oldest first, so it writes no value for a while.',
    ]);
    expect((await preview(memory(invoices(3)))).keys.invoice_number.byAge).toEqual([
      ...[1, null, null, 1, null, null, 1, null, null, null],
    ]);
  });

  test('does not take a path for a new one that chance may have shown in new instances only', async () => {
    const instances = Array.from({ length: 40 }, (_, index) =>
      instance(index, index === 25 || index === 30 ? { invoice: { number: 'INV-7' } } : {}),
    );
    const { keys, warnings } = await preview(memory(instances));
    expect(keys.invoice_number.byAge).toEqual([0, 0, 0, 0, 0, 0, 0.25, 0.25, 0, 0]);
    expect(warnings).toEqual([]);
  });

  test('shows samples of old and of new instances', async () => {
    const { samples } = (await preview(memory(invoices(100)))).keys.invoice_number;
    expect(samples.map(({ instanceId }) => instanceId)).toEqual([1, 21, 41, 61, 81]);
  });

  test('cuts long values that it shows', async () => {
    const lines = Array.from({ length: 500 }, (_, index) => ({ article: index }));
    const { samples } = (await preview(memory([instance(1, { invoice: { number: lines } })]))).keys
      .invoice_number;
    expect(samples[0]?.after).toBe(`${JSON.stringify(lines).slice(0, 200)}…`);
  });
});

describe('a preview of some instances', () => {
  test('reads a sample by about two calls per instance, and every figure has its interval', async () => {
    const calls = { surveyInstances: 0, readInstances: 0 };
    const repository = intercept(memory(invoices(5_000)), ({ method, proceed }) => {
      calls[method as keyof typeof calls] += 1;
      return proceed();
    });

    const { total, sampled, keys } = await preview(repository);

    expect({ total, sampled }).toEqual({ total: 5_000, sampled: 200 });
    expect(keys.invoice_number.found).toEqual({ count: 200, rate: 1, low: 0.9818, high: 1 });
    expect(keys.invoice_number.byAge).toEqual(Array(10).fill(1));
    expect(calls.surveyInstances + calls.readInstances).toBeLessThanOrEqual(2.6 * sampled);
  });

  test.each([
    ['any instances', 60, 20],
    ['strata', 230, 20],
  ])(
    'has no bias, with holes in the ids and with a path that only new instances have: %s',
    async (_, total, sampleSize) => {
      // Every third instance belongs to the model. Blocks of ids are missing.
      const ids = Array.from({ length: 3 * total }, (_, index) => index + (index > total ? 10_000 : 0));
      const isNew = (place: number) => place >= 0.85 * total;
      const instances = ids.map((id, index) =>
        instance(id, isNew(Math.floor(index / 3)) ? { invoice: { number: id } } : {}, {
          processModelId: index % 3 === 0 ? MODEL : 'another/model',
        }),
      );
      const read = new Set<unknown>();
      const repository = intercept(memory(instances), async ({ method, argument, proceed }) => {
        const page = await proceed();
        const { limit } = argument as { readonly limit: number };
        if (method === 'readInstances' && limit === 1) read.add((page as readonly { id: unknown }[])[0]?.id);
        return page;
      });
      const share = Array.from({ length: total }, (_, place) => isNew(place)).filter(Boolean).length / total;
      const rates: number[] = [];
      for (let seed = 1; seed <= 300; seed += 1) {
        const { keys, sampled } = await preview(repository, {
          sampleSize,
          runtime: { ...testRuntime(), random: randomFrom(seed).next },
        });
        expect(sampled).toBe(sampleSize);
        rates.push(keys.invoice_number.found.rate);
      }
      const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
      const spread = Math.sqrt(rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length);
      expect(Math.abs(mean - share)).toBeLessThan((3 * spread) / Math.sqrt(rates.length));
      expect(read.size).toBe(total);
    },
  );

  test('looks only at the instances that were chosen', async () => {
    const instanceIds = Array.from({ length: 100 }, (_, index) => 2 * index + 2);
    const repository = intercept(memory(invoices(500)), ({ argument, proceed }) => {
      const { instanceIds: asked } = argument as { readonly instanceIds: readonly number[] };
      for (const id of asked) expect(instanceIds).toContain(id);
      return proceed();
    });

    const chosen = await preview(repository, { instanceIds: [...instanceIds, 4], sampleSize: 30 });
    expect(chosen).toMatchObject({ total: 100, sampled: 30, warnings: [] });
    const lost = await preview(memory(invoices(5)), { instanceIds: [1, '1', 99] });
    expect(lost.warnings).toEqual([
      `2 of the 3 given instanceIds are not in process model "${MODEL}". Check the ids, and whether they are numbers or strings.`,
    ]);
  });

  test('gets smaller if instances are deleted meanwhile, and no instance takes their place', async () => {
    const instances = memory(invoices(1_000));
    let reads = 0;
    const repository = intercept(instances, ({ method, proceed }) => {
      if (method === 'readInstances') reads += 1;
      if (reads === 20) for (let id = 301; id <= 1_000; id += 1) instances.deleteInstance(id);
      return proceed();
    });
    const { sampled, keys } = await preview(repository, { sampleSize: 100 });
    expect(sampled).toBeGreaterThan(15);
    expect(sampled).toBeLessThan(60);
    expect(keys.invoice_number.found.count).toBe(sampled);
  });

  test('leaves out instances that are inserted meanwhile', async () => {
    const instances = memory(invoices(300));
    let next = 1_000;
    const repository = intercept(instances, async ({ proceed }) => {
      const answer = await proceed();
      next += 1;
      instances.insertInstance(instance(next, {}));
      return answer;
    });
    const { total, sampled, keys } = await preview(repository, { sampleSize: 100 });
    expect({ total, sampled }).toEqual({ total: 300, sampled: 100 });
    expect(keys.invoice_number.found.count).toBe(100);
  });
});

describe('the projected time', () => {
  /** Each page takes a millisecond per instance, and the first one takes far longer. */
  const slow = (count: number, runtime: ReturnType<typeof testRuntime>) => {
    let isFirst = true;
    return intercept(memory(invoices(count)), async ({ method, argument, proceed }) => {
      const { limit } = argument as { readonly limit: number };
      if (method === 'readInstances' && limit > 1) {
        await runtime.sleep(isFirst ? 60_000 : limit);
        isFirst = false;
      }
      return proceed();
    });
  };

  test.each([{ batchSize: 100 }, { batchSize: 20 }, { batchSize: { initial: 50, max: 500 } }])(
    'is that of pages of the size of a batch, %j, of which one slow page does not count',
    async ({ batchSize }) => {
      const runtime = testRuntime();
      const { projected } = await preview(slow(5_000, runtime), { runtime, batchSize });
      expect(projected.ms).toEqual([5_000, 11_000]);
    },
  );

  test('is that of all pages if all instances were read', async () => {
    const runtime = testRuntime();
    const repository = intercept(memory(invoices(100)), async ({ method, proceed }) => {
      if (method === 'readInstances') await runtime.sleep(40);
      return proceed();
    });
    // pages of 1, then of 10, and one row per instance
    expect((await preview(repository, { runtime })).projected.ms).toEqual([440, 968]);
  });

  test('is longer the more rows are to be written', async () => {
    const paths = Array.from({ length: 10 }, (_, index) => ({ key: `k${index}`, path: 'invoice.number' }));
    const runtime = testRuntime();
    const { projected } = await preview(slow(5_000, runtime), { runtime, paths });
    expect(projected.ms).toEqual([5_000, 20_000]);
  });
});

describe('a preview', () => {
  test('is plain JSON, whatever the data hold, and odd keys are keys like any other', async () => {
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    let deep: unknown = 'bottom';
    for (let depth = 0; depth < 100; depth += 1) deep = { deep };
    const odd = [new Map(), 10n, cyclic, deep, () => 1, 2 ** 60, new Date(0), Number.POSITIVE_INFINITY];
    const documents = [
      ...odd,
      Buffer.from('{}'),
      Promise.resolve({}),
      '{"twice": "encoded"}',
      null,
      7,
      [],
      'text',
    ];
    const instances = [
      ...odd.map((value, index) => instance(`value ${index}`, { value, ['__proto__']: value })),
      ...documents.map((data, index) => instance(`document ${index}`, data)),
      instance('broken', null, { tasks: [{ state: 'COMPLETED', json: 'NaN' }] }),
      instance('stored', { value: 1 }, { metadata: { constructor: 'old' } }),
    ];
    const paths = [
      { key: '__proto__', path: 'value' },
      { key: 'constructor', path: 'value' },
      { key: 'toString', path: 'valeu' },
    ];

    const result = await preview(memory(instances), { paths });

    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    expect(Object.keys(result.keys)).toEqual(['__proto__', 'constructor', 'toString']);
    const own = Object.getOwnPropertyDescriptor(result.keys, '__proto__')?.value;
    expect(own).toMatchObject({ found: { count: 2 }, types: { string: 1, number: 1 } });
    expect(own.failed.count).toBe(7 + 7 + 1); // odd values, odd documents, and the broken one
    expect(Object.getPrototypeOf(result.keys)).toBe(Object.prototype);
  });

  test('of no instances says so', async () => {
    const result = await preview(memory([]));
    expect(result).toMatchObject({ total: 0, sampled: 0, projected: { ms: [0, 0] } });
    expect(result.warnings).toEqual([
      `Process model "${MODEL}" has no instances. Check its id, unless it is new.`,
    ]);
    expect(result.keys.invoice_number.byAge).toEqual(Array(10).fill(null));
  });

  test.each<[options: object, message: RegExp]>([
    [{ sampleSize: 0 }, /sampleSize: expected a whole number from 1 to 10,000, got 0/],
    [{ sampelSize: 9 }, /sampelSize: unknown name; did you mean sampleSize\?/],
    [{ processModelId: ' ' }, /processModelId: expected a text that is not blank/],
    [{ instanceIds: [] }, /instanceIds: expected 1 to 10,000 ids/],
    [{ repository: {} }, /repository: expected a BackfillRepository/],
    [{ paths: [] }, /paths: expected at least one/],
    [{ signal: 'stop' }, /signal: expected an AbortSignal/],
    [{ mode: 'fill' }, /mode: unknown name/],
  ])('with %j is refused before any I/O', async (options, message) => {
    const repository = intercept(memory(invoices(1)), () => {
      throw new Error('no call is needed');
    });
    const refusal = preview(repository, options);
    await expect(refusal).rejects.toThrow(InvalidInputError);
    await expect(refusal).rejects.toThrow(message);
  });

  test('of paths that cannot be used, or whose keys are too long, is refused before any I/O', async () => {
    const repository = {
      ...intercept(memory([]), () => Promise.reject(new Error('no call'))),
      maxKeyLength: 5,
    };
    const refusal = preview(repository, { paths: [{ key: 'too long', path: '$.a' }] });
    await expect(refusal).rejects.toThrow(InvalidExtractionPathsError);
    await expect(refusal).rejects.toMatchObject({
      problems: [expect.stringMatching(/at most 5 characters/), expect.stringMatching(/begins with '\$'/)],
    });
  });
});
