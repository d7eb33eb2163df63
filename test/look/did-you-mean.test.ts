import { describe, expect, test } from 'vitest';
import { previewBackfill } from '../../src/index.js';
import type { MemoryInstance } from '../../src/memory/index.js';
import { randomFrom } from '../faults/support/seeded-random.js';
import { instance, invoices, MODEL } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';
import { memory, preview } from './support/preview.js';

describe('did you mean', () => {
  const NEAR = {
    invoice: { number: 'INV-7' },
    customer: { address: { city: 'Oslo' } },
    items: [{ sku: 'A' }],
  };

  test.each([
    ['invoice.nubmer', 'invoice.number', 'INV-7'],
    ['customer.city', 'customer.address.city', 'Oslo'],
    ['Invoice.Number', 'invoice.number', 'INV-7'],
    ['items[1].sku', 'items[0].sku', 'A'],
  ])('%s: %s comes first, with a value, and in a warning', async (path, expected, sample) => {
    const repository = memory(Array.from({ length: 300 }, (_, index) => instance(index, NEAR)));
    const { keys, warnings } = await preview(repository, { paths: [{ key: 'k', path }] });
    const key = (keys as Record<string, (typeof keys)[keyof typeof keys]>).k;
    expect(key?.didYouMean[0]).toEqual({ path: expected, found: 1, sample });
    expect(warnings).toEqual([
      `Path ${JSON.stringify(path)} of key "k" finds nothing in 200 sampled instances, so probably at most 0.67 % of all have a value. If more instances should have one, did you mean ${JSON.stringify(expected)}?`,
    ]);
  });

  test('a path that looks the same: the warning has the codes of its letters', async () => {
    const repository = memory([1, 2, 3].map((id) => instance(id, { 'Stra\u00dfe': { 'caf\u00e9': 'x' } })));
    const paths = [{ key: 'k', path: ['Stra\u00dfe', 'cafe\u0301'] }];
    const { keys, warnings } = await previewBackfill({ repository, processModelId: MODEL, paths });
    expect(keys.k?.didYouMean).toEqual([{ path: 'Stra\u00dfe.caf\u00e9', found: 1, sample: 'x' }]);
    expect(warnings[0]).toContain(
      String.raw`Did you mean "Stra\u00dfe.caf\u00e9"? You wrote "Stra\u00dfe.cafe\u0301". Both look the same.`,
    );
  });

  test('nothing for a right path that is rare, though another one is spelled alike', async () => {
    const instances = Array.from({ length: 2_000 }, (_, index) =>
      instance(index, {
        invoice: { number: 'INV-7', ...(index % 50 === 0 && { numbers: 'B-7', discount: 5 }) },
      }),
    );
    const paths = [
      { key: 'second', path: 'invoice.numbers' },
      { key: 'discount', path: 'invoice.discount' },
    ];
    const { keys, warnings } = await previewBackfill({
      repository: memory(instances),
      processModelId: MODEL,
      paths,
      runtime: testRuntime(),
    });
    for (const { key } of paths) {
      expect(keys[key]?.found.count).toBeGreaterThan(0);
      expect(keys[key]?.didYouMean).toEqual([]);
    }
    expect(warnings).toEqual([]);
  });

  test('and that no instance has a value, if each was looked at', async () => {
    const warningsOf = async (count: number, more: readonly MemoryInstance[] = []) => {
      const repository = memory([...invoices(count), ...more]);
      return (await preview(repository, { paths: [{ key: 'k', path: 'invoice.nubmer' }] })).warnings[0];
    };
    const start = 'Path "invoice.nubmer" of key "k" finds nothing in';
    const broken = instance('broken', null, { tasks: [{ state: 'COMPLETED', json: '{' }] });
    const end = 'Did you mean "invoice.number"?';
    expect(await warningsOf(20)).toBe(`${start} any of the 20 instances. ${end}`);
    expect(await warningsOf(1)).toBe(`${start} the only instance. ${end}`);
    expect(await warningsOf(20, [broken])).toBe(
      `${start} any of the 20 sampled instances that did not fail. ${end}`,
    );
    expect(await warningsOf(1, [broken])).toBe(
      `${start} the only sampled instance that did not fail. ${end}`,
    );
  });

  test('only if the path is not as rare as a sample without it allows', async () => {
    const instances = Array.from({ length: 3_000 }, (_, index) =>
      instance(index, { delivery: { note: 'a', ...(index % 1_000 === 7 && { notes: 'b' }) } }),
    );
    const runtime = { ...testRuntime(), random: () => 0.9 }; // none of these three is drawn
    const paths = [{ key: 'k', path: 'delivery.notes' }];
    const { warnings } = await preview(memory(instances), { paths, runtime });
    expect(warnings).toEqual([
      'Path "delivery.notes" of key "k" finds nothing in 200 sampled instances, so probably at most 1.8 % of all have a value. If more instances should have one, did you mean "delivery.note"?',
    ]);
  });

  test('nothing for a right path in one instance, wherever that is, beside other rare paths', async () => {
    const paths = [
      { key: 'discount', path: 'discount.code' },
      { key: 'notes', path: 'delivery.notes' },
      { key: 'refund', path: 'refund.reason' },
    ];
    for (const having of [5, 30, 60, 130, 160]) {
      const instances = Array.from({ length: 190 }, (_, index) =>
        instance(index, {
          delivery: { note: 'a', ...(index === having && { notes: 'b' }) },
          ...(index % 24 === 0 && { discount: { code: 'x' } }),
          ...(index % 25 === 1 && { refund: { reason: 'y' } }),
        }),
      );
      const { warnings } = await preview(memory(instances), { paths });
      expect(warnings).toEqual([]);
    }
  });

  test('nothing for a path whose values cannot be stored: it is there', async () => {
    const instances = Array.from({ length: 190 }, (_, index) =>
      instance(index, { invoice: { numbers: 'INV-7', ...(index === 8 && { number: Number.NaN }) } }),
    );
    const { keys } = await preview(memory(instances));
    expect(keys.invoice_number).toMatchObject({ failed: { count: 1 }, didYouMean: [] });
  });

  test('nothing for right paths of which more are rare than documents are read', async () => {
    const letters = [...'abcdefghi'];
    const names = letters.flatMap((first) => letters.map((second) => `${first}${second}_name`));
    const instances = names.map((name, index) =>
      instance(index, { ...Object.fromEntries(names.map((other) => [`${other}s`, 1])), [name]: 2 }),
    );
    const paths = names.map((name) => ({ key: name, path: name }));
    const { keys } = await previewBackfill({
      repository: memory(instances),
      processModelId: MODEL,
      paths: [...paths, { key: 'typo', path: 'ai_naem' }],
    });
    for (const { key } of paths) expect(keys[key]).toMatchObject({ found: { count: 1 }, didYouMean: [] });
    expect(keys.typo?.didYouMean).toContainEqual(expect.objectContaining({ path: 'ai_names' }));
  });

  test.each([
    ['street2', 'street'],
    ['name2', 'name'],
    ['phone1', 'phone'],
  ])(
    'nothing for %s, which is so rare that the sample may miss it, though there is %s',
    async (rare, usual) => {
      const instances = Array.from({ length: 3_000 }, (_, index) =>
        instance(index, { address: { [usual]: 'x', ...(index % 300 === 0 && { [rare]: 'y' }) } }),
      );
      const paths = [{ key: 'k', path: `address.${rare}` }];
      for (let seed = 1; seed <= 10; seed += 1) {
        const runtime = { ...testRuntime(), random: randomFrom(seed).next };
        const { keys } = await previewBackfill({
          repository: memory(instances),
          processModelId: MODEL,
          paths,
          runtime,
        });
        expect(keys.k?.didYouMean).toEqual([]);
      }
    },
  );

  test('nothing for a path with nulls: it is there', async () => {
    const instances = Array.from({ length: 300 }, (_, index) =>
      instance(index, { invoice: { number: null, numbers: 'INV-7' } }),
    );
    const { keys, warnings } = await preview(memory(instances));
    expect(keys.invoice_number).toMatchObject({ found: { count: 0 }, null: { rate: 1 }, didYouMean: [] });
    expect(warnings).toEqual([
      'Path "invoice.number" of key "invoice_number" finds null in 200 of 200 sampled instances, and no value in any.',
    ]);
  });

  test('reads at most 50 whole documents, and none if each path finds enough', async () => {
    const documents: unknown[] = [];
    const repository = intercept(memory(invoices(500)), async ({ method, argument, proceed }) => {
      const page = await proceed();
      const { paths } = argument as { readonly paths: readonly { readonly segments: readonly string[] }[] };
      if (method === 'readInstances' && paths.some(({ segments }) => segments.length === 0))
        documents.push(...(page as readonly unknown[]));
      return page;
    });
    await preview(repository);
    expect(documents).toEqual([]);
    const { warnings } = await preview(repository, {
      paths: [
        { key: 'k', path: 'invoice.nubmer' },
        { key: 'l', path: 'no.such.path' },
      ],
    });
    expect(documents).toHaveLength(50);
    expect(warnings[1]).toBe(
      'Path "no.such.path" of key "l" finds nothing in 200 sampled instances, so probably at most 1.2 % of all have a value. If more instances should have one, check the path.',
    );
  });
});
