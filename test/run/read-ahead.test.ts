import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  type BackfillJob,
  type BackfillRepository,
  createBackfillService,
  type InstanceSnapshot,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { collectGarbage } from '../support/collect-garbage.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const backfill = (repository: BackfillRepository, rest: object = {}) =>
  runBackfill({
    repository,
    processModelId: MODEL,
    paths: PATHS,
    runtime: testRuntime(),
    batchSize: 10,
    ...rest,
  });

interface Argument {
  readonly after: number | null;
  readonly instances: readonly { readonly id: number }[];
}

const isBatch = (method: string, argument: unknown) =>
  method === 'commit' && (argument as Argument).instances.length > 0;

test('reads one page while the one before is committed, and never a second', async () => {
  const events: string[] = [];
  const repository = intercept(
    createMemoryRepository({ instances: invoices(30) }),
    async ({ method, argument, proceed }) => {
      if (method === 'readInstances') events.push(`read after ${(argument as Argument).after ?? 0}`);
      if (!isBatch(method, argument)) return proceed();
      const first = (argument as Argument).instances[0]?.id;
      events.push(`commit of ${first} begins`);
      const result = await proceed();
      events.push(`commit of ${first} ends`);
      return result;
    },
  );

  await backfill(repository);

  expect(events).toEqual([
    'read after 0',
    'read after 1',
    'read after 10',
    'commit of 1 begins',
    'commit of 1 ends',
    'read after 20',
    'commit of 11 begins',
    'commit of 11 ends',
    'commit of 21 begins',
    'commit of 21 ends',
  ]);
});

test('drops a page that was read ahead of a checkpoint which another job has set elsewhere', async () => {
  const memory = createMemoryRepository({ instances: invoices(40) });
  let disturb = true;
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (!isBatch(method, argument) || !disturb) return proceed();
    disturb = false;
    // Another worker under an older step commits fifteen instances first.
    await other.handle({ runId, shard: 0, step: 0 });
    return proceed();
  });
  const jobs: BackfillJob[] = [];
  const queue = { enqueue: async (job: BackfillJob) => void jobs.push(job) };
  const options = { queue, runtime: testRuntime(1, 1) };
  const other = createBackfillService({ ...options, repository: memory, batchSize: 15, sliceMs: 1 });
  const service = createBackfillService({ ...options, repository, batchSize: 10 });
  const { runId } = (await service.request({ processModelId: MODEL, paths: PATHS })) as { runId: string };
  await runBackfill({ repository, runId, runtime: testRuntime(), batchSize: 10 });
  await service.handle(jobs.at(-1)?.payload);

  expect(await service.status(runId)).toMatchObject({
    state: 'completed',
    processed: 40,
    updated: 40,
    gone: 0,
  });
  for (const id of [1, 16, 25, 40]) expect(memory.metadata(id)).toEqual({ invoice_number: `INV-${id}` });
});

test('a fault of the page read ahead comes after its predecessor is safe', async () => {
  const memory = createMemoryRepository({ instances: invoices(30) });
  const repository = intercept(memory, ({ method, argument, proceed }) => {
    if (method === 'readInstances' && (argument as Argument).after === 10) throw databaseError('42P01');
    return proceed();
  });

  const error = await backfill(repository).catch((thrown: unknown) => thrown);

  expect(error).toMatchObject({ code: 'PORT_FAILED', progress: { visited: 10, total: 30 } });
  expect(memory.metadata(10)).toEqual({ invoice_number: 'INV-10' });
});

test('ends what it reads ahead before the job ends, by its signal', async () => {
  const memory = createMemoryRepository({ instances: invoices(30) });
  let reading = 0;
  const controller = new AbortController();
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method !== 'readInstances' || (argument as Argument).after !== 10) return proceed();
    reading += 1;
    const { signal } = argument as { signal: AbortSignal };
    await new Promise((resolve) => signal.addEventListener('abort', () => setTimeout(resolve, 20)));
    reading -= 1;
    throw signal.reason;
  });

  const running = backfill(repository, {
    signal: controller.signal,
    onProgress: ({ processed }: { processed: number }) => processed === 10 && controller.abort('shut down'),
  });

  await expect(running).rejects.toBe('shut down');
  expect(reading).toBe(0);
});

test('lets go of a page once its batch is committed', async () => {
  const firstOfPages: WeakRef<InstanceSnapshot>[] = [];
  const inMemory: number[] = [];
  const repository = intercept(
    createMemoryRepository({ instances: invoices(200) }),
    async ({ method, proceed }) => {
      const answer = await proceed();
      if (method !== 'readInstances') return answer;
      const [first] = answer as InstanceSnapshot[];
      if (first !== undefined) firstOfPages.push(new WeakRef(first));
      await setImmediate();
      collectGarbage();
      inMemory.push(firstOfPages.filter((first) => first.deref() !== undefined).length);
      return answer;
    },
  );

  await backfill(repository);

  expect(firstOfPages).toHaveLength(21);
  expect(Math.max(...inMemory)).toBeLessThanOrEqual(3); // the one that was read, the one before, the one being committed
});
