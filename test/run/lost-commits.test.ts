import { expect, test } from 'vitest';
import {
  type BackfillJob,
  type BackfillRepository,
  createBackfillService,
  type RepositoryCommit,
  type RunRecord,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository, type MemoryRepository } from '../../src/memory/index.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const gone = () => databaseError('ECONNRESET');

/** Puts records back as they were: the database has lost what was committed since. Values that were written stay. */
async function lose(memory: MemoryRepository, records: readonly RunRecord[]): Promise<void> {
  const stored = await memory.loadRun(records[0]?.runId ?? '');
  const expected = records.map(({ id }) => {
    const revision = stored.find((record) => record.id === id)?.revision ?? null;
    return { id, revision };
  });
  const result = await memory.commit({
    processModelId: MODEL,
    expected,
    instances: [],
    next: () => [...records],
  });
  expect(result.status).toBe('committed');
}

/** The record of a shard as it is now. */
async function stored(memory: MemoryRepository, runId: string, shard = 0): Promise<RunRecord[]> {
  return (await memory.loadRun(runId)).filter(({ id }) => id === `${runId}_${shard}`);
}

/** Calls `at` before each commit. `batch`: the number of this commit among those with instances, or 0. */
function setUp(
  at: (commit: RepositoryCommit<number>, batch: number) => Promise<void>,
  tuning: { readonly [option: string]: unknown } = {},
) {
  const memory = createMemoryRepository({ instances: invoices(30) });
  const runtime = testRuntime();
  const jobs: BackfillJob[] = [];
  let batches = 0;
  const repository: BackfillRepository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method !== 'commit') return proceed();
    const commit = argument as RepositoryCommit<number>;
    if (commit.instances.length > 0) batches += 1;
    await at(commit, commit.instances.length > 0 ? batches : 0);
    return proceed();
  });
  const queue = { enqueue: async (job: BackfillJob) => void jobs.push(job) };
  const options = { queue, runtime, batchSize: 10, ...tuning };
  const service = createBackfillService({ ...options, repository });
  return {
    memory,
    repository,
    runtime,
    jobs,
    service,
    handle: (index: number) => service.handle(jobs[index]?.payload),
    /** Another worker, without `at` in the way. */
    other: (rest: { readonly [option: string]: unknown }, own: BackfillRepository = memory) =>
      createBackfillService({ ...options, ...rest, repository: own }),
    async request() {
      const result = await service.request({ processModelId: MODEL, paths: PATHS });
      return 'runId' in result ? result.runId : '';
    },
  };
}

test.each([
  ['resume', false],
  ['runBackfill', true],
])('%s of a run whose shard is no longer done has that shard worked on, too', async (_, isCall) => {
  let isUp = false;
  let before: RunRecord[] = [];
  let isLosing = false;
  let finish = () => {};
  const isFinished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const { memory, repository, runtime, service, jobs } = setUp(async ({ expected, exhausted, instances }) => {
    const [runId = '', shard] = expected[0]?.id.split('_') ?? [];
    if (isLosing) {
      isLosing = false;
      await lose(memory, before);
    }
    if (shard === '0' && exhausted !== undefined) before = await stored(memory, runId);
    if (shard === '1' && instances.length > 0 && !isUp) {
      await isFinished;
      throw gone();
    }
  });
  const watched = intercept(repository, async ({ method, argument, proceed }) => {
    const answer = await proceed();
    if (method === 'commit' && (argument as RepositoryCommit).exhausted !== undefined) finish();
    return answer;
  });
  const begun = runBackfill({
    ...{ repository: watched, runtime, processModelId: MODEL, paths: PATHS },
    ...{ shards: 2, batchSize: 10 },
  });
  const { runId = '' } = await begun.catch((error: unknown) => error as { runId: string });
  expect((await stored(memory, runId))[0]?.content).toMatchObject({ done: true });
  isUp = true;
  isLosing = true;

  if (isCall) await runBackfill({ repository, runtime, runId });
  else await service.resume(runId);
  for (const { payload } of jobs) await service.handle(payload);

  expect(await service.status(runId)).toMatchObject({ state: 'completed', processed: 30, failed: 0 });
});

test('a job that finds work again goes on for what is left of its slice', async () => {
  let first: RunRecord[] = [];
  let isLost = false;
  const { memory, runtime, handle, jobs, request } = setUp(
    async ({ expected, instances }, batch) => {
      const [runId = ''] = expected[0]?.id.split('_') ?? [];
      const isEnd = expected.some(({ id }) => id === runId) && batch === 0;
      if (instances.length > 0) await runtime.sleep(4_000);
      if (batch === 2) first = await stored(memory, runId);
      if (!isEnd || isLost || first.length === 0) return;
      isLost = true; // right before the run is completed
      await lose(memory, first);
    },
    { sliceMs: 13_000 },
  );
  await request();

  expect(await handle(0)).toMatchObject({ state: 'continued', processed: 20 });
  expect(jobs.map(({ payload }) => payload.step)).toEqual([0, 1]);
  expect(await handle(1)).toMatchObject({ state: 'completed', processed: 30, failed: 0 });
});

test('a job whose step is no longer stored notes that step, so that no other job gets it', async () => {
  let isDown = true;
  const { service, runtime, jobs, request } = setUp(async (_, batch) => {
    if (batch > 0 && isDown) throw gone();
  });
  await request();
  const forgotten = { ...Object(jobs[0]?.payload), step: 4 };
  await expect(service.handle(forgotten)).rejects.toThrow('database error ECONNRESET');
  isDown = false;
  await runtime.sleep(600_000);

  const { enqueued } = await service.sweep({ staleAfterMs: 60_000 });

  expect(enqueued).toMatchObject([{ step: 5 }]);
  expect(await service.handle(jobs[1]?.payload)).toMatchObject({ state: 'completed', processed: 30 });
});

test('an instance that is refused is not tried out from a checkpoint that only has as many commits', async () => {
  let begun: RunRecord[] = [];
  let loadsSinceRefusal: number | null = null;
  let isLost = false;
  const { memory, repository, other, jobs, request } = setUp(async ({ expected, instances }, batch) => {
    const [runId = ''] = expected[0]?.id.split('_') ?? [];
    if (batch === 1) begun = await stored(memory, runId);
    if (batch < 2 || isLost) return;
    if (instances.length === 1) loadsSinceRefusal = 0;
    throw databaseError('42501');
  });
  await request();
  const losing = intercept(repository, async ({ method, proceed }) => {
    if (method !== 'loadRun' || loadsSinceRefusal === null) return proceed();
    loadsSinceRefusal += 1;
    // The first load after the refusal finds that its batch has not landed. The second one begins the experiments.
    if (loadsSinceRefusal !== 2) return proceed();
    isLost = true;
    await lose(memory, begun);
    // Another delivery of the job commits one batch as well, of five instances.
    const dying = intercept(memory, async ({ method: called, argument, proceed: commit }) => {
      const { instances = [] } = called === 'commit' ? (argument as RepositoryCommit<number>) : {};
      if (instances.some(({ id }) => id > 5)) throw gone();
      return commit();
    });
    await expect(other({ batchSize: 5 }, dying).handle(jobs[0]?.payload)).rejects.toThrow('ECONNRESET');
    return proceed();
  });

  const report = await other({}, losing).handle(jobs[0]?.payload);

  expect(isLost).toBe(true);
  expect(report).toMatchObject({ state: 'completed', processed: 30, failed: 0, gone: 0 });
});
