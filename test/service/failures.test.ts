import { describe, expect, test } from 'vitest';
import {
  type BackfillJob,
  type BackfillRepository,
  type BackfillService,
  createBackfillService,
  type InstanceFailure,
  type RunRecord,
  runBackfill,
  type ServiceOptions,
} from '../../src/index.js';
import { createMemoryRepository, type MemoryInstance } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const broken = (id: number): MemoryInstance =>
  instance(id, null, { tasks: [{ state: 'COMPLETED', endedAt: 1, json: '{"invoice":' }] });

/** Every second instance is broken. */
const halfBroken = (count: number): MemoryInstance[] =>
  invoices(count).map((sound, index) => (index % 2 === 0 ? broken(index + 1) : sound));

function setUp(instances: readonly MemoryInstance[], rest: Partial<ServiceOptions> = {}) {
  const memory = createMemoryRepository({ instances });
  const stored: RunRecord[] = [];
  const at: { commit: ((ids: readonly number[]) => unknown) | null } = { commit: null };
  const repository: BackfillRepository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method !== 'commit') return proceed();
    const commit = argument as unknown as Parameters<BackfillRepository['commit']>[0];
    const { next } = commit;
    await at.commit?.(commit.instances.map(({ id }) => Number(id)));
    let records: readonly RunRecord[] = [];
    Object.assign(commit, { next: (outcome: never) => (records = next(outcome)) });
    const result = await proceed();
    if (Object(result).status === 'committed') stored.push(...records);
    return result;
  });
  const jobs: BackfillJob[] = [];
  const queue = { enqueue: async (job: BackfillJob) => void jobs.push(job) };
  const logger = { info() {}, warn() {}, error() {} };
  const runtime = testRuntime();
  const options = { repository, queue, runtime, logger, batchSize: 10, ...rest };
  const service = createBackfillService(options);
  return {
    memory,
    repository,
    service,
    jobs,
    stored,
    at,
    async work() {
      for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await service.handle(job.payload);
    },
    async request(what: object = {}) {
      const result = await service.request({ processModelId: MODEL, paths: PATHS, ...what });
      return 'runId' in result ? result.runId : '';
    },
  };
}

/** A service over the same records, without some of those that list failures. */
function withoutFailures(memory: BackfillRepository, isDeleted: (id: string) => boolean): BackfillService {
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    const records = await proceed();
    return method === 'loadRun' && String(argument).includes('_f')
      ? (records as RunRecord[]).filter(({ id }) => !isDeleted(id))
      : records;
  });
  return createBackfillService({ repository, queue: { enqueue: async () => {} } });
}

async function allFailures(service: BackfillService, runId: string, limit?: number) {
  const pages: (readonly InstanceFailure[])[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const { failures, next } = await service.failures(runId, { after, limit });
    pages.push(failures);
    after = next;
  }
  return { pages, ids: pages.flat().map(({ instanceId }) => instanceId) };
}

const odd = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => index + 1).filter((id) => id % 2 === 1);

describe('failures', () => {
  test('returns every failure of a run once, with code, key and reason, in pages', async () => {
    const { service, request, work } = setUp(halfBroken(5_000), { batchSize: 100 });
    const runId = await request();
    await work();

    const { pages, ids } = await allFailures(service, runId);

    expect(ids).toEqual(odd(5_000));
    expect(pages.map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
    expect(pages[0]?.[0]).toEqual({
      instanceId: 1,
      key: null,
      code: 'TASK_DATA_UNREADABLE',
      reason: expect.stringContaining('JSON'),
    });
  });

  test('goes through many sparse records for one page', async () => {
    const instances = invoices(300).map((sound, index) => (index % 10 === 7 ? broken(index + 1) : sound));
    const { service, request, work, stored } = setUp(instances);
    const runId = await request();
    await work();

    expect(stored.filter(({ id }) => id.includes('_f'))).toHaveLength(30);
    const { pages, ids } = await allFailures(service, runId);
    expect(ids).toEqual(Array.from({ length: 30 }, (_, index) => 10 * index + 8));
    expect(pages).toHaveLength(1);
  });

  test.each([1, 2, 7, 10, 59, 60, 61, 10_000])(
    'returns at most %i on a page, and each once, also of several shards with several keys',
    async (limit) => {
      const nothing = { a: Number.NaN, b: Number.NaN };
      const instances = Array.from({ length: 30 }, (_, index) => instance(index + 1, nothing));
      const { service, request, work } = setUp(instances, { batchSize: 4 });
      const runId = await request({ paths: ['a', 'b'].map((key) => ({ key, path: key })), shards: 3 });
      await work();

      const { pages, ids } = await allFailures(service, runId, limit);

      expect(ids).toEqual(instances.flatMap(({ id }) => [id, id]));
      for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
      expect(pages).toHaveLength(Math.ceil(60 / limit));
    },
  );

  test('of shards: those of each shard, one shard after the other', async () => {
    const { service, request, work } = setUp(halfBroken(120));
    const runId = await request({ shards: 4 });
    await work();

    expect((await allFailures(service, runId)).ids).toEqual(odd(120));
  });

  test('of a run without failures: none', async () => {
    const { service, request, work, stored } = setUp(invoices(20));
    const runId = await request();
    await work();

    expect(await service.failures(runId)).toEqual({ failures: [], next: null });
    expect(stored.every(({ id }) => !id.includes('_f'))).toBe(true);
  });

  test('of an instance whose keys fail one by one: each of them', async () => {
    const { service, request, work } = setUp([instance(1, { a: Number.NaN, b: 1n, c: 'fine' })]);
    const runId = await request({ paths: ['a', 'b', 'c'].map((key) => ({ key, path: key })) });
    await work();

    const { failures } = await service.failures(runId);
    expect(failures.map(({ key, code }) => [key, code])).toEqual([
      ['a', 'VALUE_NOT_JSON'],
      ['b', 'VALUE_NOT_JSON'],
    ]);
  });

  test('does not return instances that were deleted between their read and their commit', async () => {
    const { service, request, work, at, memory } = setUp(halfBroken(20));
    const runId = await request();
    at.commit = (ids) => {
      if (ids.includes(3)) memory.deleteInstance(3);
    };
    await work();

    expect(await service.status(runId)).toMatchObject({ failed: 9, gone: 1 });
    expect((await allFailures(service, runId)).ids).toEqual(odd(20).filter((id) => id !== 3));
  });

  test('returns an instance that is saved all the time', async () => {
    const { service, request, work, at, memory } = setUp(invoices(5));
    const runId = await request();
    at.commit = (ids) => {
      if (ids.includes(2)) memory.updateInstance(2, {});
    };
    await work();

    expect(await service.failures(runId)).toMatchObject({
      failures: [{ instanceId: 2, key: null, code: 'INSTANCE_BUSY' }],
    });
  });

  test('returns those of the last walk only', async () => {
    const unsettled = { ...createMemoryRepository({ instances: halfBroken(60) }), settled: undefined };
    const { settled: _, ...memory } = unsettled;
    const jobs: BackfillJob[] = [];
    const queue = { enqueue: async (job: BackfillJob) => void jobs.push(job) };
    const service = createBackfillService({
      repository: memory,
      queue,
      runtime: testRuntime(),
      batchSize: 10,
    });
    const { runId } = (await service.request({ processModelId: MODEL, paths: PATHS })) as { runId: string };
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await service.handle(job.payload);

    expect(await service.status(runId)).toMatchObject({ failed: 30, processed: 30 });
    const { ids } = await allFailures(service, runId);
    expect(ids).toEqual(odd(60));
    const [shard] = (await memory.loadRun(runId)).filter(({ id }) => id !== runId);
    expect(shard?.content).toMatchObject({ failuresFrom: 6, failureRecords: 12 }); // it did walk twice
  });

  test('refuses a page of another walk, because its list is another one', async () => {
    const { settled: _, ...memory } = createMemoryRepository({ instances: halfBroken(5_000) });
    const jobs: BackfillJob[] = [];
    const service = createBackfillService({
      ...{ repository: memory, queue: { enqueue: async (job) => void jobs.push(job) } },
      ...{ runtime: testRuntime(), batchSize: 100, logger: { info() {}, warn() {}, error() {} } },
    });
    const what = { processModelId: MODEL, paths: PATHS, shards: 2 };
    const { runId } = (await service.request(what)) as { runId: string };
    const workOne = async () => service.handle(jobs.shift()?.payload);
    await workOne(); // the first shard
    const { failures, next } = await service.failures(runId);
    const second = await service.failures(runId, { after: next ?? '' });
    expect(failures.length + second.failures.length).toBeGreaterThan(1_200);
    await workOne(); // the second shard, which is the end of this walk
    expect(await service.status(runId)).toMatchObject({ state: 'pending', failed: 0 });

    const later = service.failures(runId, { after: next ?? '' });
    await expect(later).rejects.toMatchObject({ code: 'RUN_STATE', runId, retryable: false });
    await expect(later).rejects.toThrow(/has begun another walk .* from the first page again/);
    while (jobs.length > 0) await workOne();
    await expect(service.failures(runId, { after: next ?? '' })).rejects.toThrow('another walk');
    expect((await allFailures(service, runId)).ids).toEqual(odd(5_000));
  });

  test('leaves the records of the run itself small and few, and each of its own below 16 KB', async () => {
    const { request, work, stored, memory } = setUp(halfBroken(2_000), { batchSize: 1_000 });
    const runId = await request();
    await work();

    expect(await memory.loadRun(runId)).toHaveLength(2);
    for (const { content } of stored) expect(JSON.stringify(content).length).toBeLessThanOrEqual(16_384);
    const ofFailures = stored.filter(({ id }) => id.includes('_f'));
    expect(ofFailures.length).toBeGreaterThan(2);
    for (const { id, runId: own, activeKey } of ofFailures) {
      expect(id).toMatch(new RegExp(`^${runId}_f0_0_\\d+$`));
      expect(own).toBe(`${runId}_f0_0`);
      expect(activeKey).toBeNull();
    }
  });

  test('passes over records that somebody has deleted', async () => {
    const { service, request, work, memory } = setUp(halfBroken(60));
    const runId = await request();
    await work();
    const other = withoutFailures(memory, (id) => id.endsWith('_2'));

    expect((await allFailures(service, runId)).ids).toEqual(odd(60));
    expect((await allFailures(other, runId)).ids).toEqual(odd(60).filter((id) => id <= 20 || id > 30));
  });

  test('refuses a damaged record, and says which', async () => {
    const { request, work, memory } = setUp(halfBroken(60));
    const runId = await request();
    await work();
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      const records = (await proceed()) as RunRecord[];
      const isTheirs = method === 'loadRun' && String(argument).includes('_f');
      return isTheirs ? records.map((record) => ({ ...record, content: { format: 1 } })) : records;
    });
    const service = createBackfillService({ repository, queue: { enqueue: async () => {} } });

    await expect(service.failures(runId)).rejects.toMatchObject({ code: 'RUN_FORMAT', runId });
    await expect(service.failures(runId)).rejects.toThrow(
      `Run ${runId} has a damaged record ${runId}_f0_0_0`,
    );
  });

  test('of a run that is not stored, and after what is no place, is an error', async () => {
    const { service, request } = setUp([]);
    const runId = await request();

    await expect(service.failures('unknown')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    for (const place of ['x', '0_0', '1_0_0', '1_0_0_x', '1_1234_0_0', '1_0_0_0_0'])
      for (const after of [place, `${runId}_failures_${place}`])
        await expect(service.failures(runId, { after })).rejects.toMatchObject({
          code: 'INVALID_INPUT',
          message: expect.stringContaining(
            `after: expected the next of an earlier page of the failures of run ${runId}, or nothing for the first page, got "${after}"`,
          ),
        });
    for (const limit of [0, 1.5, 10_001])
      await expect(service.failures(runId, { limit })).rejects.toThrow(
        `limit: expected a whole number from 1 to 10,000, got ${limit}`,
      );
  });

  test('refuses the next page of another run or of the differences, before any I/O', async () => {
    const instances = [1, 2, 3].map((id) => instance(id, { a: Number.NaN, b: 'not stored' }));
    const { request, work, memory } = setUp(instances);
    const paths = ['a', 'b'].map((key) => ({ key, path: key }));
    const asked = { paths, mode: 'overwrite', clear: true, dryRun: true };
    const [runId, other] = [await request(asked), await request({ ...asked, limit: 2 })];
    await work();
    const calls: string[] = [];
    const repository = intercept(memory, async ({ method, proceed }) => {
      calls.push(method);
      return proceed();
    });
    const service = createBackfillService({ repository, queue: { enqueue: async () => {} } });
    const { next: ofFailures } = await service.failures(runId, { limit: 1 });
    const { next: ofDifferences } = await service.differences(runId, { limit: 1 });
    calls.splice(0);

    for (const [name, id, after] of [
      ['failures', other, ofFailures],
      ['failures', runId, ofDifferences],
      ['differences', other, ofDifferences],
      ['differences', runId, ofFailures],
    ] as const)
      await expect(service[name](id, { after })).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        message: expect.stringContaining(
          `after: expected the next of an earlier page of the ${name} of run ${id}, or nothing for the first page, got "${after}"`,
        ),
      });
    expect(calls).toEqual([]);
    expect(encodeURIComponent(ofFailures ?? '')).toBe(ofFailures);
    expect(ofFailures?.length).toBeLessThan(50);
    expect((await service.failures(runId, { after: ofFailures })).failures).toHaveLength(2);
  });
});

describe('the report', () => {
  test('shows the first twenty failures of the run, whatever job it is of', async () => {
    const { service, request, jobs } = setUp(halfBroken(200), { sliceMs: 1 });
    const runId = await request();
    const reports = [];
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift())
      reports.push(await service.handle(job.payload));

    expect(reports.at(-1)?.failures.map(({ instanceId }) => instanceId)).toEqual(odd(40));
    expect((await service.status(runId)).failures).toEqual(reports.at(-1)?.failures);
  });

  test('of a dry run shows them, too', async () => {
    const memory = createMemoryRepository({ instances: halfBroken(2_000) });
    const report = await runBackfill({
      ...{ repository: memory, processModelId: MODEL, paths: PATHS, batchSize: 10, dryRun: true },
      ...{ shards: 3, logger: { info() {}, warn() {}, error() {} } },
    });

    expect(report).toMatchObject({ failed: 1_000 });
    expect(report.failures.map(({ instanceId }) => instanceId)).toEqual(odd(40));
  });
});

describe('retryFailed', () => {
  test('requests what the run has not done, for its failed instances only', async () => {
    const { service, request, work, memory } = setUp(halfBroken(20), {});
    const runId = await request({ mode: 'overwrite', missing: 'omit', shards: 3, limit: 15 });
    await work();
    for (const id of odd(20)) memory.updateInstance(id, invoices(20)[id - 1] ?? {});

    const retry = await service.retryFailed(runId, { requestedBy: 'anna', reason: 'repaired' });

    expect(retry).toMatchObject({
      status: 'triggered',
      keys: ['invoice_number'],
      created: true,
      left: false,
      diff: null,
    });
    const retried = 'runId' in retry ? retry.runId : '';
    await work();
    expect(await service.status(retried)).toMatchObject({
      ...{ state: 'completed', total: 8, processed: 8, failed: 0, selected: 8, limit: null, missing: 'omit' },
      ...{ paths: [{ key: 'invoice_number', mode: 'overwrite' }], shards: 1 },
      ...{ requestedBy: 'anna', reason: 'repaired' },
    });
    expect(memory.metadata(15)).toEqual({ invoice_number: 'INV-15' });
    expect(memory.metadata(17)).toEqual({}); // beyond the limit
  });

  test('twice is one run', async () => {
    const { service, request, work } = setUp(halfBroken(20));
    const runId = await request();
    await work();

    const [first, second] = [await service.retryFailed(runId), await service.retryFailed(runId)];

    expect(first).toMatchObject({ created: true });
    expect(second).toMatchObject({ created: false, runId: 'runId' in first ? first.runId : '' });
  });

  test('takes the first 10,000 instances, and says that more are left', async () => {
    const { service, request, work } = setUp(halfBroken(20_010), { batchSize: 1_000 });
    const runId = await request();
    await work();

    const retry = await service.retryFailed(runId);

    expect(retry).toMatchObject({ status: 'triggered', left: true });
    const { selected } = await service.status('runId' in retry ? retry.runId : '');
    expect(selected).toBe(10_000);
  });

  test.each(['_0', '_2', '_5'])(
    'says that instances are left if the record %s of failures was deleted',
    async (deleted) => {
      const { request, work, memory } = setUp(halfBroken(60));
      const runId = await request();
      await work();
      const service = withoutFailures(memory, (id) => id.endsWith(deleted));

      const retry = await service.retryFailed(runId);

      expect(retry).toMatchObject({ status: 'triggered', left: true });
      expect((await service.status('runId' in retry ? retry.runId : '')).selected).toBe(25);
    },
  );

  test('says that instances are left if all records of failures were deleted', async () => {
    const { request, work, memory } = setUp(halfBroken(60));
    const runId = await request();
    await work();

    expect(await withoutFailures(memory, () => true).retryFailed(runId)).toEqual({
      status: 'skipped',
      reason: 'No failures are stored',
      diff: null,
      left: true,
    });
  });

  test('counts an instance once, however many of its keys have failed', async () => {
    const instances = [1, 2, 3].map((id) => instance(id, { a: Number.NaN, b: Number.NaN, c: 'fine' }));
    const { request, service, work, memory } = setUp(instances, { batchSize: 1 });
    const runId = await request({ paths: ['a', 'b', 'c'].map((key) => ({ key, path: key })) });
    await work();

    // 4 failures of 2 instances are listed, and 3 instances have failed.
    const retry = await withoutFailures(memory, (id) => id.endsWith('_1')).retryFailed(runId);

    expect(retry).toMatchObject({ status: 'triggered', left: true });
    expect(await service.retryFailed(runId)).toMatchObject({ status: 'triggered', left: false });
  });

  test('of 10,000 instances leaves none', async () => {
    const { service, request, work } = setUp(halfBroken(20_000), { batchSize: 1_000 });
    const runId = await request();
    await work();

    expect(await service.retryFailed(runId)).toMatchObject({ status: 'triggered', left: false });
  });

  test('leaves out the keys that a newer run reads from another path', async () => {
    const { service, request, work } = setUp([broken(1)]);
    const paths = [...PATHS, { key: 'city', path: 'city' }];
    const runId = await request({ paths });
    await work();
    await request({ paths: [{ key: 'city', path: 'address.city' }] });
    await work();

    expect(await service.retryFailed(runId)).toMatchObject({ keys: ['invoice_number'] });
  });

  test.each<[string, object]>([
    ['a newer run has them', { paths: [{ key: 'invoice_number', path: 'invoice.id' }] }],
    ['they were removed from the model', { paths: undefined, before: PATHS, after: [] }],
  ])('is skipped when no key is left: %s', async (_, what) => {
    const { service, request, work } = setUp([broken(1)]);
    const runId = await request();
    await work();
    await request(what);

    expect(await service.retryFailed(runId)).toEqual({
      status: 'skipped',
      reason: 'All keys of the run were removed, read from another path or requested again since',
      diff: null,
      left: false,
    });
  });

  test('is skipped when nothing has failed, and when backfills are switched off', async () => {
    const { service, request, work } = setUp(invoices(3));
    const runId = await request();
    await work();
    expect(await service.retryFailed(runId)).toMatchObject({ reason: 'No failures are stored', left: false });

    const { service: on, request: ask, work: go, repository } = setUp([broken(1)]);
    const failed = await ask();
    await go();
    const queue = { enqueue: async () => {} };
    const off = createBackfillService({ repository, queue, config: { enabled: false } });
    expect(await off.retryFailed(failed)).toMatchObject({ reason: 'Metadata backfill feature is disabled' });
    expect(await on.list()).toHaveLength(1);
  });

  test('waits until the run has ended', async () => {
    const { service, request } = setUp([broken(1)]);
    const runId = await request();

    await expect(service.retryFailed(runId)).rejects.toMatchObject({
      code: 'RUN_STATE',
      message: `Run ${runId} is pending: its failed instances can be retried once it has ended.`,
    });
  });

  test('replaces, as the run does, what an unfinished run wrote from another path', async () => {
    const old = { invoice: { number: 'new', id: 'old' } };
    const { service, request, work, memory } = setUp([instance(1, old), instance(2, old)]);
    const first = await request({ paths: [{ key: 'invoice_number', path: 'invoice.id' }] });
    memory.setMetadata(1, 'invoice_number', 'old'); // as if that run had come so far
    await service.pause(first);
    memory.updateInstance(1, broken(1));
    const second = await request();
    await work();
    expect(await service.status(second)).toMatchObject({ state: 'completed_with_failures', failed: 1 });
    memory.updateInstance(1, instance(1, old));

    await service.retryFailed(second);
    await work();

    expect(memory.metadata(1)).toEqual({ invoice_number: 'new' });
  });

  test('is possible for a run that was stopped because too many had failed', async () => {
    const { service, request, work } = setUp(halfBroken(40));
    const runId = await request({ maxFailures: 4 });
    await work();
    expect(await service.status(runId)).toMatchObject({ state: 'failed', failed: 5 });

    expect(await service.retryFailed(runId)).toMatchObject({ status: 'triggered' });
    expect((await service.list())[0]).toMatchObject({ total: 0, state: 'pending' });
  });
});
