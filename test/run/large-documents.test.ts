import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type InstanceSnapshot, type PageEntry, type PageQuery, runBackfill } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { openRun } from '../../src/run/calls/open-run.js';
import { createRunContext } from '../../src/run/context/create-run-context.js';
import { createBatchSizer } from '../../src/run/job/batch-size.js';
import { planBatches } from '../../src/run/job/plan-batches.js';
import { openSession } from '../../src/run/job/shard-session.js';
import { sizeInMemory } from '../../src/run/job/size-in-memory.js';
import { definitionOf } from '../../src/run/options/definition-options.js';
import { newRun } from '../../src/run/record/run-definition.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

/** Instances whose documents are said to take so many bytes, and the bytes of each page that was read. */
function documents(count: number, bytesOf: (id: number) => number) {
  const pages: number[] = [];
  const memory = createMemoryRepository({ instances: invoices(count) });
  const repository = intercept(memory, async ({ method, proceed }) => {
    const answer = await proceed();
    if (method !== 'readInstances') return answer;
    const page = (answer as InstanceSnapshot[]).map((shown) => ({
      ...shown,
      bytes: bytesOf(Number(shown.id)),
    }));
    pages.push(page.reduce((sum, { bytes }) => sum + bytes, 0));
    return page;
  });
  return { repository, pages };
}

const backfill = (repository: ReturnType<typeof createMemoryRepository>, rest: object = {}) =>
  runBackfill({ repository, processModelId: MODEL, paths: PATHS, runtime: testRuntime(), ...rest });
const MEGABYTE = 1e6;

describe('the task data in memory', () => {
  test.each([
    ['the default size', {}],
    ['a fixed size', { batchSize: 2000 }],
    ['an adaptive size', { batchSize: {} }],
  ])('is bounded from the first page on: %s', async (_, options) => {
    const { repository, pages } = documents(120, () => 6 * MEGABYTE);

    const report = await backfill(repository, options);

    expect(report).toMatchObject({ state: 'completed', updated: 120 });
    expect(Math.max(...pages)).toBeLessThanOrEqual(2 ** 24);
  });

  test('grows step by step where old documents are short and new ones large', async () => {
    const { repository, pages } = documents(400, (id) => (id <= 5 ? 100 : 6 * MEGABYTE));

    await backfill(repository, { batchSize: 2000 });

    expect(Math.max(...pages)).toBeLessThanOrEqual(10 * 6 * MEGABYTE);
    expect(Math.max(...pages.slice(2))).toBeLessThanOrEqual(2 ** 24);
  });

  test('ends a batch that is full of it, although it has few instances', async () => {
    const { repository } = documents(40, () => 6 * MEGABYTE);
    const visited: number[] = [];

    await backfill(repository, {
      onProgress: (progress: { visited: number }) => visited.push(progress.visited),
    });

    expect([...new Set(visited)].slice(0, 4)).toEqual([0, 3, 5, 7]);
  });

  test('does not keep filled instances without a checkpoint, once documents were large', async () => {
    const memory = createMemoryRepository({ instances: invoices(500) });
    let reads = 0;
    let mostReads = 0;
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      if (method === 'commit') reads = 0;
      if (method !== 'readInstances') return proceed();
      reads += 1;
      mostReads = Math.max(mostReads, reads);
      const { after, limit } = argument as PageQuery;
      if (after === null || Number(after) < 20) {
        const page = (await proceed()) as InstanceSnapshot[];
        return page.map((shown) => ({ ...shown, bytes: 4 * MEGABYTE }));
      }
      const last = Math.min(500, Number(after) + limit);
      const filled = last - Number(after);
      return (filled > 0 ? [{ cursor: last, filled }] : []) satisfies PageEntry[];
    });

    expect(await backfill(repository)).toMatchObject({ state: 'completed', processed: 500 });
    expect(mostReads).toBeLessThanOrEqual(3);
  });

  test.each([
    ['JSON text', { form: 'json', text: 'x'.repeat(5000) }],
    ['one large member among many', { form: 'parsed', value: { ...many(40), file: 'x'.repeat(5000) } }],
    ['a deep one', { form: 'parsed', value: { a: [{ b: { c: 'x'.repeat(5000) } }] } }],
    ['a projected value', { form: 'values', values: new Map([['a', 'x'.repeat(5000)]]) }],
  ] as const)('is measured: %s', (_, data) => {
    const size = sizeInMemory({ id: 1, cursor: 1, data, stored: new Map() });

    expect(size).toBeGreaterThanOrEqual(5000);
    expect(size).toBeLessThan(8000);
  });

  const text = (length: number) => 'x'.repeat(length);
  const line = (index: number) => ({ article: 'pump', text: text(200), amounts: [1, 2.5, 30], index });
  test.each<[string, unknown]>([
    ['a long list of small objects', { lines: Array.from({ length: 22_000 }, (_, index) => line(index)) }],
    [
      'lists in lists',
      Array.from({ length: 100 }, () =>
        Array.from({ length: 50 }, () => Array.from({ length: 40 }, () => text(30))),
      ),
    ],
    [
      'small objects before large ones',
      [...Array.from({ length: 3_000 }, () => ({})), ...Array.from({ length: 3_000 }, () => [text(900)])],
    ],
    [
      'an object with many names',
      Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`name ${index}`, line(index)])),
    ],
    [
      'a list whose members alternate',
      Array.from({ length: 400 }, (_, index) => ({ a: index % 2 === 0 ? 'short' : text(5_000) })),
    ],
    [
      'a long list of texts that alternate',
      Array.from({ length: 4_000 }, (_, index) => (index % 2 === 0 ? 'short' : text(5_000))),
    ],
    ['a rich text, six levels deep', richText(6)],
    [
      'orders with lines with products',
      Array.from({ length: 200 }, (_, order) => ({
        order,
        lines: Array.from({ length: 20 }, () => ({
          amount: 1,
          product: { name: text(100), tags: ['a', 'b'] },
        })),
      })),
    ],
    ['eight levels', [1, 2, 3, 4, 5, 6, 7].reduce<unknown>((below) => ({ a: below, b: below }), line(1))],
    ['one text among many numbers', { numbers: Array.from({ length: 1_500 }, () => 7), text: text(90_000) }],
  ])('of a parsed document is known within a factor of three: %s', (_, value) => {
    const parsed = JSON.parse(JSON.stringify(value));
    const data = { form: 'parsed', value: parsed } as const;
    const size = sizeInMemory({ id: 1, cursor: 1, data, stored: new Map() });

    expect(size / JSON.stringify(value).length).toBeGreaterThan(1 / 3);
    expect(size / JSON.stringify(value).length).toBeLessThan(3);
  });

  function richText(levels: number): unknown {
    const children = levels === 0 ? [] : Array.from({ length: 4 }, () => richText(levels - 1));
    return { type: 'paragraph', text: text(60), children };
  }

  test.each(Array.from({ length: 9 }, (_, index) => index * 60))(
    'of a parsed document knows its only large text, at place %i of 500',
    (place) => {
      const history = Array.from({ length: 500 }, (_, index) => ({
        step: index,
        text: index === place ? 'x'.repeat(6 * MEGABYTE) : 'done',
      }));
      const data = { form: 'parsed', value: { invoice: { number: 1 }, history } } as const;
      const size = sizeInMemory({ id: 1, cursor: 1, data, stored: new Map() });
      expect(size).toBeGreaterThan(6 * MEGABYTE);
      expect(size).toBeLessThan(6.2 * MEGABYTE);
    },
  );

  test.each([1_000, 40_000])('of a parsed document counts the names of %i members', (count) => {
    const names = Array.from({ length: count }, (_, index) => `${index}`.padStart(100, 'x'));
    const value = Object.fromEntries(names.map((name) => [name, 1]));
    const size = sizeInMemory({ id: 1, cursor: 1, data: { form: 'parsed', value }, stored: new Map() });
    expect(size).toBeGreaterThan(100 * count);
    expect(size).toBeLessThan(150 * count);
  });

  test('of a document that holds itself has a bound', () => {
    const list: unknown[] = Array.from({ length: 1_000 }, () => 7);
    for (let index = 0; index < 500; index += 1) list[index] = { list, again: [list, list] };
    const data = { form: 'parsed', value: list } as const;
    expect(sizeInMemory({ id: 1, cursor: 1, data, stored: new Map() })).toBeLessThan(1_000_000);
  });

  test('counts bytes as such, not one by one', () => {
    const data = { form: 'parsed', value: { city: 'Oslo', file: Buffer.alloc(5_000_000) } } as const;
    const size = sizeInMemory({ id: 1, cursor: 1, data, stored: new Map() });

    expect(size).toBeGreaterThanOrEqual(5_000_000);
    expect(size).toBeLessThan(5_100_000);
  });

  test('looks at few elements of a list that occurs many times', () => {
    let looks = 0;
    const list = new Proxy(Array(100_000).fill(7), {
      get(target, name) {
        looks += 1;
        return Reflect.get(target, name);
      },
    });
    const data = { form: 'parsed', value: { lists: Array(1_900).fill(list) } } as const;

    const size = sizeInMemory({ id: 1, cursor: 1, data, stored: new Map() });

    expect(size).toBeGreaterThan(16 * 100_000);
    expect(looks).toBeLessThan(1_000_000);
  });

  test('includes stored values', () => {
    const stored = new Map([['k', { value: 'x'.repeat(5000) }]]);
    expect(sizeInMemory({ id: 1, cursor: 1, data: { form: 'none' }, stored })).toBeGreaterThanOrEqual(5000);
  });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, -1, '600', 600n])(
  'bytes of %s are refused',
  async (bytes) => {
    const memory = createMemoryRepository({ instances: invoices(3) });
    const repository = intercept(memory, async ({ method, proceed }) => {
      const answer = await proceed();
      return method === 'readInstances' ? (answer as object[]).map((shown) => ({ ...shown, bytes })) : answer;
    });

    await expect(backfill(repository)).rejects.toMatchObject({
      code: 'REPOSITORY_CONTRACT',
      message: expect.stringContaining('bytes: expected a number from 0'),
    });
  },
);

/** How often others get their turn while `work` is under way. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let [turns, isOver] = [0, false];
  const others = (async () => {
    while (!isOver) {
      await setImmediate();
      turns += 1;
    }
  })();
  await work();
  isOver = true;
  await others;
  return turns;
}

const twentySnapshots: readonly InstanceSnapshot[] = Array.from({ length: 20 }, (_, id) => ({
  id,
  cursor: id,
  data: { form: 'json', text: '{}' },
  stored: new Map(),
}));

test('between two documents that are measured, other work of the process gets its turn', async () => {
  const runtime = testRuntime(1, 15);
  const sizer = createBatchSizer({ batchSize: 100, maxInstancesPerSecond: null, runtime });

  expect(await turnsDuring(() => sizer.see(twentySnapshots))).toBeGreaterThanOrEqual(9);
});

test('between two documents that are planned, other work of the process gets its turn', async () => {
  const repository = createMemoryRepository({ instances: invoices(50) });
  const context = createRunContext({ repository, runtime: testRuntime(1, 15) }, { dryRun: false });
  const run = newRun(MODEL, definitionOf({ paths: PATHS }, repository), { ...context, hasQueue: true });
  const job = { runId: run.header.runId, shard: 0, step: 0 };
  const session = openSession(context, {
    job,
    handle: openRun(context, job.runId),
    run,
    sliceEnd: Number.POSITIVE_INFINITY,
  });
  const planner = planBatches(context, session);

  expect(await turnsDuring(() => planner.plan(twentySnapshots))).toBeGreaterThanOrEqual(9);
});

function many(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`f${index}`, index]));
}
