import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type BackfillRepository,
  createBackfillService,
  type InstanceDifference,
  type RepositoryCommit,
  runBackfill,
  verifyBackfill,
} from '../../src/index.js';
import { createMemoryRepository, type MemoryRepository } from '../../src/memory/index.js';
import { atBatch } from '../run/support/backfill.js';
import { embeddedTables } from '../support/embedded-postgres.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

/** 30 instances with an invoice number. The last three have no city. */
const DOCUMENTS = Array.from({ length: 30 }, (_, index) => ({
  invoice: { number: `INV-${index + 1}` },
  ...(index < 27 ? { city: 'Oslo' } : {}),
}));

const SILENT = { info() {}, warn() {}, error() {} };

const BOTH = [...PATHS, { key: 'city', path: 'city' }] as const;

interface Host {
  readonly repository: BackfillRepository;
  readonly ids: readonly number[];
  metadata(id: number): Promise<Record<string, unknown>>;
  setMetadata(id: number, key: string, value: string): Promise<void>;
  deleteMetadata(id: number, key: string): Promise<void>;
}

function onMemory(instances = DOCUMENTS.map((data, index) => instance(index + 1, data))): Host & {
  readonly memory: MemoryRepository;
} {
  const memory = createMemoryRepository({ instances });
  return {
    memory,
    repository: memory,
    ids: instances.map(({ id }) => Number(id)),
    metadata: async (id) => memory.metadata(id) ?? {},
    setMetadata: async (id, key, value) => memory.setMetadata(id, key, value),
    deleteMetadata: async (id, key) => memory.deleteMetadata(id, key),
  };
}

let tables: Awaited<ReturnType<typeof embeddedTables>>;
beforeAll(async () => {
  tables = await embeddedTables();
});
afterAll(() => tables.close?.());

async function onPostgres(): Promise<Host> {
  await tables.sql('delete from process_instance');
  const ids = await tables.insertInstances(
    DOCUMENTS.map((data, index) => ({
      ...{ processModelId: MODEL, running: false },
      tasks: [
        {
          id: `task ${crypto.randomUUID().slice(0, 20)}`,
          state: 'COMPLETED',
          endedAt: new Date(index),
          data,
        },
      ],
    })),
  );
  const { metadata, setMetadata, deleteMetadata } = tables;
  return {
    ...{ setMetadata, deleteMetadata, ids: ids as number[] },
    metadata,
    repository: tables.repository as unknown as BackfillRepository,
  };
}

const settings = { processModelId: MODEL, runtime: testRuntime(), batchSize: 7, logger: silent() };

function silent() {
  return { info() {}, warn() {}, error() {} };
}

const fill = ({ repository }: Pick<Host, 'repository'>, rest: object = {}) =>
  runBackfill({ ...settings, repository, paths: BOTH, ...rest });
const verify = ({ repository }: Pick<Host, 'repository'>, rest: object = {}) =>
  verifyBackfill({ ...settings, repository, paths: BOTH, ...rest });
const NONE = { absent: 0, different: 0, orphaned: 0 };

describe.each([
  ['memory', async () => onMemory()],
  ['PostgreSQL', onPostgres],
] as const)('on %s, a verification', (_, open) => {
  test('says that an untouched run is equal, and writes nothing', async () => {
    const host = await open();
    await fill(host);
    const before = await Promise.all(host.ids.map(host.metadata));

    const report = await verify(host, { shards: 3 });

    expect(report).toMatchObject({ verdict: 'equal', state: 'completed', dryRun: true, processed: 30 });
    expect(report.differences).toEqual({ invoice_number: NONE, city: NONE });
    expect(report.samples).toEqual([]);
    expect(await Promise.all(host.ids.map(host.metadata))).toEqual(before);
  });

  test('finds what was changed, deleted and added by hand, and the same run without dryRun repairs it', async () => {
    const host = await open();
    const [first = 0, second = 0, , fourth = 0] = host.ids;
    const last = host.ids.at(-1) ?? 0;
    await fill(host);
    const sound = await Promise.all(host.ids.map(host.metadata));
    await host.setMetadata(first, 'invoice_number', 'edited');
    await host.deleteMetadata(second, 'invoice_number');
    await host.deleteMetadata(fourth, 'city');
    await host.setMetadata(last, 'city', 'Bergen');

    const found = await verify(host);

    expect(found.verdict).toBe('different');
    expect(found.differences).toEqual({
      invoice_number: { absent: 1, different: 1, orphaned: 0 },
      city: { absent: 1, different: 0, orphaned: 1 },
    });
    expect(found.samples).toEqual([
      { instanceId: first, key: 'invoice_number', code: 'DIFFERENT' },
      { instanceId: second, key: 'invoice_number', code: 'ABSENT' },
      { instanceId: fourth, key: 'city', code: 'ABSENT' },
      { instanceId: last, key: 'city', code: 'ORPHANED' },
    ]);
    expect(await host.metadata(first)).toMatchObject({ invoice_number: 'edited' });

    await fill(host, { mode: 'overwrite', clear: true });
    expect((await verify(host)).verdict).toBe('equal');
    expect((await Promise.all(host.ids.map(host.metadata))).slice(0, 27)).toEqual(sound.slice(0, 27));
  });

  test('finds the values that are stale after a path has changed', async () => {
    const host = await open();
    await fill(host, { paths: [{ key: 'city', path: 'invoice.number' }] });

    const { verdict, differences } = await verify(host, { paths: [{ key: 'city', path: 'city' }] });

    expect([verdict, differences]).toEqual([
      'different',
      { city: { absent: 0, different: 27, orphaned: 3 } },
    ]);
  });

  test('shows the values only when asked, and 200 characters of each at most', async () => {
    const host = await open();
    await fill(host);
    await host.setMetadata(host.ids[0] ?? 0, 'city', 'x'.repeat(255));
    await host.deleteMetadata(host.ids[1] ?? 0, 'city');

    const { samples } = await verify(host, { differences: 'values' });

    expect(samples).toEqual([
      {
        ...{ instanceId: host.ids[0], key: 'city', code: 'DIFFERENT' },
        ...{ stored: `${'x'.repeat(199)}…`, expected: 'Oslo' },
      },
      { instanceId: host.ids[1], key: 'city', code: 'ABSENT', stored: null, expected: 'Oslo' },
    ]);
  });
});

test('finds a null row over data, and a null row that is missing', async () => {
  const host = onMemory();
  await fill(host);
  host.memory.setMetadata(1, 'city', null);
  host.memory.deleteMetadata(30, 'city');

  expect(await verify(host)).toMatchObject({
    verdict: 'different',
    differences: { city: { absent: 1, different: 1, orphaned: 0 } },
    samples: [
      { instanceId: 1, key: 'city', code: 'DIFFERENT' },
      { instanceId: 30, key: 'city', code: 'ABSENT' },
    ],
  });
  host.memory.setMetadata(1, 'city', 'Oslo');
  expect((await verify(host, { missing: 'omit' })).verdict).toBe('equal');
});

test('leaves it to an instance that is still running to drop a value or to add a null row', async () => {
  const running = { running: true, metadata: { city: 'Bergen' } };
  const host = onMemory([instance(1, { invoice: { number: 'INV-1' } }, running)]);
  await fill(host);

  expect((await verify(host)).verdict).toBe('equal');
});

describe('a mistyped path', () => {
  const typo = { processModelId: MODEL, paths: [{ key: 'city', path: 'ctiy' }], logger: SILENT };
  const path = 'Path "ctiy" of key "city" found nothing in any of 30 instances';

  test('over stored values is named by a verification, by its repair, and by a dry run of it', async () => {
    const { repository } = onMemory();
    await runBackfill({ repository, processModelId: MODEL, paths: [{ key: 'city', path: 'city' }] });
    const warning = `${path}, although 27 instances had a stored value. Check the path.`;
    const repair = { ...typo, repository, mode: 'overwrite', clear: true } as const;

    const verification = await verifyBackfill({ ...typo, repository });
    expect(verification).toMatchObject({ verdict: 'different', differences: { city: { orphaned: 27 } } });
    expect(verification.warnings).toContain(warning);
    expect((await runBackfill({ ...repair, dryRun: true })).warnings).toContain(warning);
    expect((await runBackfill(repair)).warnings).toContain(warning);
  });

  test('over no values is named, too', async () => {
    const { repository } = onMemory();
    const { warnings } = await verifyBackfill({ ...typo, repository });
    expect(warnings).toContain(`${path}. Check the path.`);
  });

  test('is not suspected if one instance has a value there', async () => {
    const one = onMemory([...DOCUMENTS, { ctiy: 'Oslo' }].map((data, index) => instance(index + 1, data)));
    const { warnings } = await verifyBackfill({ ...typo, repository: one.repository });
    expect(warnings.filter((text) => text.includes('found nothing'))).toEqual([]);
  });
});

describe('the verdict is unknown', () => {
  const brokenOne = { tasks: [{ state: 'COMPLETED', endedAt: 1, json: '{"invoice":' }] };
  test.each<[string, ReturnType<typeof onMemory>, object]>([
    ['with a limit', onMemory(), { limit: 29 }],
    ['with instanceIds', onMemory(), { instanceIds: [1, 2, 3] }],
    ['after a failure', onMemory([...invoices(3), instance(4, null, brokenOne)]), {}],
    ['of a model without instances', onMemory([]), {}],
    ['while its slice is over', onMemory(), { sliceMs: 1, batchSize: 1, maxInstancesPerSecond: 1 }],
  ])('%s', async (_, host, rest) => {
    await fill(host);
    const report = await verify(host, rest);
    expect(report).toMatchObject({ verdict: 'unknown', samples: [] });
  });

  test.each([
    [
      'cannot be loaded',
      () => {
        throw databaseError('ECONNRESET');
      },
    ],
    ['is gone', () => []],
    ['is nonsense', () => ({ rows: [] })],
  ])('is returned although the run %s once it has ended', async (_, load) => {
    const memory = createMemoryRepository({ instances: invoices(3) });
    let hasEnded = false;
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      if (method === 'loadRun' && hasEnded) return load();
      const answer = await proceed();
      const names = method === 'commit' ? (argument as RepositoryCommit).expected.map(({ id }) => id) : [];
      const runId = names.find((id) => !id.includes('_'));
      const [header] = runId === undefined ? [] : await memory.loadRun(runId);
      hasEnded ||= Object(header?.content).state === 'completed';
      return answer;
    });

    const retry = { initialDelayMs: 1, attempts: 2 };
    const runtime = testRuntime();
    const report = await verifyBackfill({ repository, processModelId: MODEL, paths: PATHS, retry, runtime });

    expect(report).toMatchObject({ state: 'completed', verdict: 'different', samples: [] });
    expect(report.warnings).toContainEqual(
      expect.stringContaining('The first differences could not be read'),
    );
  });

  test('if an instance was deleted meanwhile: nobody knows what it held', async () => {
    const host = onMemory();
    await fill(host);
    const repository = intercept(
      host.repository,
      atBatch(({ proceed }, batch) => {
        if (batch === 2) host.memory.deleteInstance(10);
        return proceed();
      }),
    );
    expect(await verify({ repository })).toMatchObject({
      ...{ verdict: 'unknown', gone: 1 },
      warnings: [
        expect.stringContaining('1 instance could not be looked at, probably deleted during the run'),
      ],
    });
  });

  test('if transactions that may insert instances did not end in time', async () => {
    const host = onMemory();
    await fill(host);
    const repository = intercept(host.repository, ({ proceed }) => proceed());
    Object.assign(repository, { settled: async () => ({ mark: 'm', settled: false }) });
    expect(await verify({ repository }, { settleMs: 0 })).toMatchObject({ verdict: 'unknown', failed: 0 });
  });

  test('but a difference that was found is certain', async () => {
    const host = onMemory();
    await fill(host);
    host.memory.setMetadata(2, 'city', 'edited');
    expect((await verify(host, { limit: 5 })).verdict).toBe('different');
  });
});

test('refuses what would make it another run', async () => {
  const { repository } = onMemory();
  for (const rest of [{ mode: 'fill' }, { clear: false }, { dryRun: false }, { differences: 'all' }])
    await expect(verify({ repository }, rest)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

test('what a run keeps of each difference is refused where nothing is kept', async () => {
  const { repository } = onMemory();
  const untouched = intercept(repository, () => Promise.reject(new Error('no I/O was expected')));
  for (const rest of [{ differences: 'keys' }, { dryRun: true, differences: 'values' }])
    await expect(fill({ repository: untouched }, rest)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('verifyBackfill'),
    });
  const service = createBackfillService({ repository: untouched, queue: { enqueue: async () => {} } });
  const asked = { processModelId: MODEL, paths: PATHS, differences: 'values' } as const;
  await expect(service.request(asked)).rejects.toThrow('differences: expected dryRun: true with it');
});

test('a dry run of runBackfill counts differences, too, and stores none', async () => {
  const host = onMemory();
  const report = await fill(host, { dryRun: true });

  expect(report).toMatchObject({ verdict: 'different', differences: { city: { absent: 30 } } });
  expect((await fill(host)).verdict).toBe(null);
  expect(await fill(host, { dryRun: true })).toMatchObject({ verdict: 'equal', updated: 0 });
});

describe('a service', () => {
  function open(count: number) {
    const memory = createMemoryRepository({ instances: invoices(count) });
    const payloads: unknown[] = [];
    const queue = { enqueue: async ({ payload }: { payload: unknown }) => void payloads.push(payload) };
    const options = { repository: memory, queue, logger: silent(), runtime: testRuntime(), batchSize: 100 };
    const service = createBackfillService(options);
    return {
      memory,
      service,
      queue,
      async work() {
        for (let next = payloads.shift(); next !== undefined; next = payloads.shift())
          await service.handle(next);
      },
    };
  }

  test('verifies in the background, and lists every difference once, in pages', async () => {
    const { memory, service, work } = open(2_500);
    const asked = { processModelId: MODEL, paths: PATHS, requestedBy: 'nightly' };
    const requested = await service.verify({ ...asked, shards: 2 });
    if (!('runId' in requested)) throw new Error('expected a run');
    await work();

    expect(await service.status(requested.runId)).toMatchObject({
      ...{ verdict: 'different', dryRun: true, clear: true, requestedBy: 'nightly', failures: [] },
      differences: { invoice_number: { absent: 2_500, different: 0, orphaned: 0 } },
    });
    const all: InstanceDifference[] = [];
    for (let after: string | null | undefined; after !== null; ) {
      const page = await service.differences(requested.runId, { after });
      expect(page.differences.length).toBeLessThan(1_500);
      all.push(...page.differences);
      after = page.next;
    }
    expect(all.map(({ instanceId }) => instanceId)).toEqual(invoices(2_500).map(({ id }) => id));
    expect(await service.failures(requested.runId)).toEqual({ failures: [], next: null });
    expect(memory.metadata(1)).toEqual({});
  });

  test('joins equal verifications, and begins anew once they have ended', async () => {
    const { service, work } = open(50);
    const asked = { processModelId: MODEL, paths: PATHS };
    const first = await service.verify(asked);
    await work();
    const second = await service.verify(asked);
    expect(second).toMatchObject({ created: true });
    expect(await service.verify(asked)).toMatchObject({ created: false, runId: Object(second).runId });
    expect(await service.verify({ ...asked, differences: 'values' })).toMatchObject({ created: true });
    expect((await service.differences(Object(first).runId)).differences).toHaveLength(50);
  });

  test('lists those of the last walk only, if a verification has walked twice', async () => {
    const { memory, service, queue, work } = open(250);
    const asked = { processModelId: MODEL, paths: PATHS };
    let joins = 0;
    const repository = intercept(
      memory,
      atBatch(({ proceed }, batch) => {
        if (batch === 2) joins += 1;
        return batch === 2 ? service.verify(asked).then(proceed) : proceed();
      }),
    );
    const worker = createBackfillService({
      ...{ repository, queue, logger: silent(), runtime: testRuntime() },
    });
    const { runId } = Object(await service.verify(asked));
    await worker.handle({ runId, shard: 0, step: 0 });
    await work();

    expect(joins).toBe(1);
    expect(await service.status(runId)).toMatchObject({
      ...{ state: 'completed', processed: 250, updated: 250 },
      differences: { invoice_number: { absent: 250 } },
    });
    expect((await service.differences(runId)).differences).toHaveLength(250);
  });

  test('lists the differences of any stored dry run, with their values if asked', async () => {
    const { service, work } = open(3);
    const asked = { processModelId: MODEL, paths: PATHS, dryRun: true, differences: 'values' } as const;
    const { runId } = Object(await service.request(asked));
    await work();

    expect((await service.differences(runId)).differences).toMatchObject([
      { instanceId: 1, key: 'invoice_number', code: 'ABSENT', stored: null, expected: 'INV-1' },
      { instanceId: 2 },
      { instanceId: 3 },
    ]);
  });

  test('refuses to list the differences of a run that is no dry run', async () => {
    const { service, work } = open(3);
    const { runId } = Object(await service.request({ processModelId: MODEL, paths: PATHS }));
    for (const isDone of [false, true]) {
      if (isDone) await work();
      await expect(service.differences(runId)).rejects.toMatchObject({
        ...{ name: 'RunError', code: 'RUN_STATE', runId, retryable: false },
        message: expect.stringMatching(/is not a dry run, .* Call verify with the same paths/),
      });
    }
    await expect(service.differences(runId, { after: 'x' })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
  });

  test('refuses a mode in the request of a verification', async () => {
    const { service } = open(1);
    const asked = { processModelId: MODEL, paths: PATHS, mode: 'fill' } as object;
    await expect(service.verify(asked as never)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });
});
