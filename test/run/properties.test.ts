import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BackfillReport, type BackfillRepository, runBackfill } from '../../src/index.js';
import { createMemoryRepository, type MemoryInstance } from '../../src/memory/index.js';
import { MODEL } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

let seed = 0;

/** Two runs must not draw the same id. */
function freshRuntime() {
  seed += 1;
  return testRuntime(seed);
}

const PATHS = [
  { key: 'number', path: 'invoice.number' },
  { key: 'city', path: 'city' },
];

const value = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<unknown>('INV', 0, '', false, { a: [1] }) },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(null, undefined) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(Number.NaN, 1n, new Map()) },
);

const anInstance = fc.record({
  running: fc.boolean(),
  tasks: fc.array(
    fc.record({
      state: fc.constantFrom('COMPLETED', 'COMPLETED', 'READY'),
      endedAt: fc.option(fc.nat(9)),
      data: fc.record({ invoice: fc.record({ number: value }), city: value }),
    }),
    { maxLength: 3 },
  ),
  metadata: fc.dictionary(
    fc.constantFrom('number', 'city', 'other'),
    fc.constantFrom(null, 'stored', 'INV', 0),
  ),
});

const someInstances = fc
  .array(anInstance, { maxLength: 24 })
  .map((list) =>
    list.map((fields, index): MemoryInstance => ({ id: index + 1, processModelId: MODEL, ...fields })),
  );

const setting = fc.record({
  instances: someInstances,
  mode: fc.constantFrom('fill', 'overwrite'),
  missing: fc.constantFrom('null', 'omit'),
  batchSize: fc.integer({ min: 1, max: 30 }),
  poison: fc.array(fc.integer({ min: 1, max: 24 }), { maxLength: 2 }),
});
type Setting = typeof setting extends fc.Arbitrary<infer Value> ? Value : never;

/** What must not depend on how the work was cut. */
function result(report: BackfillReport, metadata: unknown) {
  const { state, total, processed, updated, failed, gone, keys, failures } = report;
  return { state, total, processed, updated, failed, gone, keys, failures, metadata };
}

function world({ instances, poison }: Setting) {
  const memory = createMemoryRepository({ instances });
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    const { instances: batch = [] } = argument as { instances?: { id: number; values: unknown[] }[] };
    const isPoisoned = batch.some(({ id, values }) => poison.includes(id) && values.length > 0);
    if (method === 'commit' && isPoisoned) throw databaseError('22001');
    return proceed();
  });
  const metadata = () => instances.map(({ id }) => memory.metadata(id));
  return { memory, repository, metadata };
}

const start = (repository: BackfillRepository, { mode, missing, batchSize }: Setting) =>
  runBackfill({
    repository,
    processModelId: MODEL,
    paths: PATHS,
    mode,
    missing,
    batchSize,
    runtime: freshRuntime(),
  });

async function undisturbed(given: Setting) {
  const { repository, metadata } = world(given);
  const report = await start(repository, { ...given, batchSize: 1 });
  return { repository, metadata, report, expected: result(report, metadata()) };
}

describe('whatever the instances', () => {
  test('any batch size gives the same metadata and the same counts', async () => {
    await fc.assert(
      fc.asyncProperty(setting, async (given) => {
        const { expected } = await undisturbed(given);
        const { repository, metadata } = world(given);

        const report = await start(repository, given);

        expect(result(report, metadata())).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test('every instance has exactly one outcome, and exactly one count per key unless it is gone', async () => {
    await fc.assert(
      fc.asyncProperty(setting, async (given) => {
        const { report } = await undisturbed(given);

        expect(report.processed + report.failed + report.gone).toBe(report.total);
        expect(report.total).toBe(given.instances.length);
        for (const counts of Object.values(report.keys)) {
          const { written, kept, null: nulls, missing, failed } = counts;
          expect(written + kept + nulls + missing + failed).toBe(report.processed + report.failed);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a rerun changes nothing and reports updated: 0', async () => {
    await fc.assert(
      fc.asyncProperty(setting, async (given) => {
        const { repository, metadata, expected } = await undisturbed(given);

        const rerun = await start(repository, given);

        expect(rerun.updated).toBe(0);
        expect(metadata()).toEqual(expected.metadata);
      }),
      { numRuns: 300 },
    );
  });

  test('interrupted anywhere and resumed gives the same as uninterrupted', async () => {
    const deaths = fc.array(fc.record({ call: fc.integer({ min: 1, max: 12 }), afterEffect: fc.boolean() }), {
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(setting, deaths, async (given, list) => {
        const { expected } = await undisturbed(given);
        const { memory, repository, metadata } = world(given);

        let died = false;
        for (const death of list)
          died = (await startOrResume(memory, mortal(repository, death), given)) === 'died' || died;
        const report = await startOrResume(memory, { repository }, given);

        if (report === 'died') throw new Error('nothing dies any more');
        expect(result(report, metadata())).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });
});

interface Mortal {
  readonly repository: BackfillRepository;
  readonly death?: Promise<'died'>;
}

/** The process dies at its n-th call of the repository: nothing of what it waits for ever arrives. */
function mortal(
  repository: BackfillRepository,
  { call, afterEffect }: { call: number; afterEffect: boolean },
): Mortal {
  let calls = 0;
  let die: (death: 'died') => void = () => {};
  const death = new Promise<'died'>((resolve) => (die = resolve));
  const dying = intercept(repository, async ({ proceed }) => {
    calls += 1;
    if (calls < call) return proceed();
    if (calls === call && afterEffect) await proceed();
    die('died');
    return new Promise(() => {});
  });
  return { repository: dying, death };
}

/** As an operator would: go on with the run if one is stored. */
async function startOrResume(memory: BackfillRepository, { repository, death }: Mortal, given: Setting) {
  const [run] = await memory.findRuns({
    processModelId: MODEL,
    activeKey: null,
    active: null,
    before: null,
    limit: 1,
  });
  const work =
    run === undefined
      ? start(repository, given)
      : runBackfill({ repository, runId: run.runId, batchSize: given.batchSize, runtime: freshRuntime() });
  return death === undefined ? work : Promise.race([work, death]);
}
