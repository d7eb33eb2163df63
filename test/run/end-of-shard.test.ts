import { describe, expect, test } from 'vitest';
import {
  createBackfillService,
  isBackfillError,
  type JobPayload,
  type RepositoryCommit,
  type ThrottleAnswer,
} from '../../src/index.js';
import { createMemoryRepository, type MemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';
import { backfill } from './support/backfill.js';

const REST = { batchSize: 10, retry: { initialDelayMs: 1 } };

type Writes = RepositoryCommit<number>['instances'][number];

/** A database that refuses to write some instances. */
function refusing(memory: MemoryRepository, isRefused: (writes: Writes) => boolean): MemoryRepository {
  return intercept(memory, async ({ method, argument, proceed }) => {
    const { instances = [] } = method === 'commit' ? (argument as RepositoryCommit<number>) : {};
    if (instances.some((writes) => writes.values.length > 0 && isRefused(writes)))
      throw databaseError('42501');
    return proceed();
  });
}

describe('at the end of a shard, where no instance is left that goes through', () => {
  test.each([
    ['is refused', ({ values }: Writes) => values.some(({ replaces }) => replaces !== undefined), null],
    ['has been deleted since', () => false, (memory: MemoryRepository) => memory.deleteInstance(29)],
    [
      'has been emptied since',
      () => false,
      (memory: MemoryRepository) => memory.setMetadata(29, PATHS[0].key, null),
    ],
  ])('the last one fails even if the value before it %s', async (_, isRefused, disturb) => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    let isDisturbed = false;
    const repository = refusing(memory, (writes) => {
      if (writes.id === 30 && !isDisturbed) disturb?.(memory);
      isDisturbed ||= writes.id === 30;
      return writes.id === 30 || isRefused(writes);
    });

    const report = await backfill(repository, { ...REST, batchSize: 1 });

    expect(report.failures).toMatchObject([{ instanceId: 30, code: 'WRITE_REJECTED' }]);
  });

  test('a value of another shard is proof enough', async () => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const repository = refusing(memory, ({ id }) => id > 27);

    const report = await backfill(repository, { ...REST, shards: 10 });

    expect(report.failures.map(({ instanceId }) => instanceId)).toEqual([28, 29, 30]);
  });

  test.each([10, 64])(
    'no more than five of a run fail, whatever the number of shards: %i',
    async (shards) => {
      const memory = createMemoryRepository({ instances: invoices(300) });
      let hasWritten = false;
      const repository = refusing(memory, ({ values }) => {
        const isNew = values.some(({ replaces }) => replaces === undefined);
        const isRefused = hasWritten && isNew;
        hasWritten ||= isNew;
        return isRefused;
      });

      const failure = await backfill(repository, { ...REST, batchSize: 1, shards }).catch(
        (error: unknown) => error,
      );

      if (!isBackfillError(failure, 'PORT_FAILED')) throw failure;
      const rest = { processModelId: undefined, paths: undefined, runId: failure.runId };
      const report = await backfill(memory, { ...REST, ...rest });
      expect(report.failed).toBeLessThanOrEqual(5);
      expect(report.processed + report.failed).toBe(300);
    },
  );

  test('three fail again in the next walk', async () => {
    const { settled: _, ...memory } = createMemoryRepository({ instances: invoices(30) });
    const repository = refusing(memory as MemoryRepository, ({ id }) => id > 27);

    const report = await backfill(repository, REST); // walks twice, as nobody knows of late inserts

    expect(report).toMatchObject({ state: 'completed_with_failures', total: 30, processed: 27, failed: 3 });
  });

  test('a job that dies right before three fail uses up nothing of the limit', async () => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const isWritten = () => Object.keys(memory.metadata(27) ?? {}).length > 0;
    let isDead = false;
    const dying = intercept(memory, async ({ method, argument, proceed }) => {
      if (isDead) throw databaseError('08006');
      const { expected = [] } = method === 'commit' ? (argument as RepositoryCommit<number>) : {};
      const answer = await proceed();
      isDead = isWritten() && expected.some(({ id }) => !id.includes('_')); // the record of the run has changed
      return answer;
    });
    const isRefused = ({ id }: Writes) => id > 27;
    const failure = await backfill(refusing(dying, isRefused), REST).catch((error: unknown) => error);
    if (!isBackfillError(failure, 'PORT_FAILED')) throw failure;

    const definition = { processModelId: undefined, paths: undefined, runId: failure.runId };
    const report = await backfill(refusing(memory, isRefused), { ...REST, ...definition });

    expect(isDead).toBe(true);
    expect(report).toMatchObject({ total: 30, processed: 27, failed: 3 });
  });

  test('of more than five, none fails', async () => {
    const memory = createMemoryRepository({ instances: invoices(30) });
    const repository = refusing(memory, ({ id }) => id > 24);

    const failure = await backfill(repository, REST).catch((error: unknown) => error);

    if (!isBackfillError(failure, 'PORT_FAILED')) throw failure;
    const report = await backfill(memory, {
      ...REST,
      processModelId: undefined,
      paths: undefined,
      runId: failure.runId,
    });
    expect(report).toMatchObject({ total: 30, processed: 30, failed: 0 });
  });
});

test.each([
  [
    'have no values',
    (id: number) =>
      id === 1 || id === 3_500 ? instance(id, { invoice: { number: `A${id}` } }) : instance(id, {}),
  ],
  ['are filled', (id: number) => instance(id, { invoice: { number: `A${id}` } })],
])('an instance fails although thousands of instances behind it %s', async (what, make) => {
  const memory = createMemoryRepository({
    instances: Array.from({ length: 4_000 }, (_, index) => make(index + 1)),
  });
  for (let id = 2; what === 'are filled' && id <= 4_000; id += 1)
    if (id !== 3_500) memory.setMetadata(id, 'number', 'live');
  const repository = refusing(memory, ({ id }) => id === 1);

  const paths = [{ key: 'number', path: 'invoice.number' }];
  const report = await backfill(repository, { ...REST, processModelId: MODEL, paths, missing: 'omit' });

  expect(report).toMatchObject({ total: 4_000, updated: 1, failed: 1 });
});

test('an instance fails although a throttle lets only one batch go per job', async () => {
  const memory = createMemoryRepository({ instances: invoices(30) });
  const jobs: JobPayload[] = [];
  const queue = { enqueue: async ({ payload }: { readonly payload: JobPayload }) => void jobs.push(payload) };
  const runtime = testRuntime();
  let asked = 0;
  const throttle = (): ThrottleAnswer | null => {
    asked += 1;
    return asked % 2 === 1 ? null : { reason: 'one at a time', retryAfterMs: 60_000 };
  };
  const repository = refusing(memory, ({ id }) => id === 7 || id === 8);
  const options = { repository, queue, runtime, batchSize: 2, throttle, retry: { initialDelayMs: 1 } };
  const service = createBackfillService(options);
  const { runId } = (await service.request({ processModelId: MODEL, paths: PATHS })) as {
    readonly runId: string;
  };

  for (let times = 0; jobs.length > 0 && times < 200; times += 1) {
    await runtime.sleep(60_000);
    await service.handle(jobs.shift() as JobPayload);
  }

  expect(await service.status(runId)).toMatchObject({ state: 'completed_with_failures', failed: 2 });
});

test('one slow instance among thousands without values is found in few reads', async () => {
  const make = (id: number) =>
    instance(id, id === 1 || id === 3_500 ? { invoice: { number: `A${id}` } } : {});
  const memory = createMemoryRepository({
    instances: Array.from({ length: 4_000 }, (_, index) => make(index + 1)),
  });
  let reads = 0;
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method === 'readInstances') reads += 1;
    const { instances = [] } = method === 'commit' ? (argument as RepositoryCommit<number>) : {};
    const isSlow = instances.some(({ id, values }) => id === 1 && values.length > 0);
    if (isSlow) throw databaseError('57014', 'canceling statement due to statement timeout');
    return proceed();
  });

  const paths = [{ key: 'number', path: 'invoice.number' }];
  const report = await backfill(repository, {
    batchSize: 100,
    processModelId: MODEL,
    paths,
    missing: 'omit',
  });

  expect(report).toMatchObject({ total: 4_000, updated: 1, failed: 1 });
  expect(reads).toBeLessThan(200);
});

test.each([50, 200])(
  'where the end of each transaction is refused, a job soon gives up: batches of %i',
  async (batchSize) => {
    const memory = createMemoryRepository({ instances: invoices(2 * batchSize) });
    let commits = 0;
    const repository = intercept(memory, async ({ method, argument, proceed }) => {
      if (method !== 'commit') return proceed();
      commits += 1;
      const commit: RepositoryCommit<number> = argument;
      if (commit.instances.every(({ values }) => values.length === 0)) return proceed();
      const next: typeof commit.next = (outcome) => {
        commit.next(outcome);
        throw databaseError('42501');
      };
      return memory.commit({ ...commit, next } as RepositoryCommit);
    });

    await expect(backfill(repository, { ...REST, batchSize })).rejects.toMatchObject({ code: 'PORT_FAILED' });
    expect(commits).toBeLessThan(200);
  },
);
