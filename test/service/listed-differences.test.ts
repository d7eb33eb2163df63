import { describe, expect, test } from 'vitest';
import {
  type BackfillJob,
  type BackfillRepository,
  type BackfillService,
  createBackfillService,
  type ServiceOptions,
} from '../../src/index.js';
import { createMemoryRepository, type MemoryInstance } from '../../src/memory/index.js';
import { atBatch } from '../run/support/backfill.js';
import { instance, MODEL } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const KEYS = ['a', 'b', 'c'];
const BATCH = 10;
const INSTANCES = 40;
const FOUND = INSTANCES * KEYS.length;
/** Neither the end of a batch nor that of an instance. */
const MOST = 47;

const asked = {
  processModelId: MODEL,
  paths: KEYS.map((key) => ({ key, path: key })),
  maxListedDifferences: MOST,
} as const;

const values = (letter: string): Record<string, string> =>
  Object.fromEntries(KEYS.map((key) => [key, letter]));

/** Every key of each instance differs. */
const differing = (id: number): MemoryInstance => instance(id, values('x'), { metadata: values('y') });

const allDiffering = (count = INSTANCES): MemoryInstance[] =>
  Array.from({ length: count }, (_, index) => differing(index + 1));

function setUp(instances = allDiffering(), rest: Partial<ServiceOptions> = {}) {
  const memory = createMemoryRepository({ instances });
  const at: { call: Parameters<typeof intercept>[1] } = { call: ({ proceed }) => proceed() };
  const repository: BackfillRepository = intercept(memory, (call) => at.call(call));
  const jobs: BackfillJob[] = [];
  const service = createBackfillService({
    ...{ repository, runtime: testRuntime(), batchSize: BATCH, logger: { info() {}, warn() {}, error() {} } },
    queue: { enqueue: async (job) => void jobs.push(job) },
    ...rest,
  });
  return {
    memory,
    service,
    jobs,
    at,
    async verify(options: object = {}) {
      return String(Object(await service.verify({ ...asked, ...options })).runId);
    },
    async work() {
      for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) await service.handle(job.payload);
    },
  };
}

async function listed(service: BackfillService, runId: string, limit?: number): Promise<string[]> {
  const all: string[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const { differences, next } = await service.differences(runId, { after, limit });
    all.push(...differences.map(({ instanceId, key }) => `${instanceId} ${key}`));
    after = next;
  }
  return all;
}

/** Every difference that there is, in the order of the walk. */
const inOrder = (from = 1, to = INSTANCES): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => KEYS.map((key) => `${from + index} ${key}`)).flat();

const tooMany = (found: number, some: number, most = MOST): string =>
  `The run counted ${found} differences and lists ${some} of them, because each shard lists at most ${most} (maxListedDifferences). To list more, verify again with a higher number.`;

/** The batch that fills the list. */
const FILLING = Math.ceil(MOST / (BATCH * KEYS.length));

describe('a verification of more differences than it lists', () => {
  test('counts all, lists the first ones, and says so', async () => {
    const { service, verify, work } = setUp();
    const runId = await verify();
    await work();

    expect(await listed(service, runId)).toEqual(inOrder().slice(0, MOST));
    const status = await service.status(runId);
    expect(status.verdict).toBe('different');
    expect(Object.values(status.differences ?? {}).map(({ different }) => different)).toEqual(
      KEYS.map(() => INSTANCES),
    );
    expect(status.warnings).toEqual([tooMany(FOUND, MOST)]);
  });

  test('lists exactly as many as there are, without a warning', async () => {
    const { service, verify, work } = setUp();
    const runId = await verify({ maxListedDifferences: FOUND });
    await work();

    expect(await listed(service, runId)).toEqual(inOrder());
    expect((await service.status(runId)).warnings).toEqual([]);
  });

  test('lists none if none are to be listed', async () => {
    const { service, verify, work } = setUp();
    const runId = await verify({ maxListedDifferences: 0 });
    await work();

    expect(await service.differences(runId)).toEqual({ differences: [], next: null });
    expect((await service.status(runId)).warnings).toEqual([tooMany(FOUND, 0, 0)]);
  });

  test('lists 100,000 of each shard by default', async () => {
    const { service, verify, work } = setUp(allDiffering(33_400), { batchSize: 10_000 });
    const runId = await verify({ maxListedDifferences: undefined });
    await work();

    expect(await listed(service, runId, 10_000)).toEqual(inOrder(1, 33_400).slice(0, 100_000));
    expect((await service.status(runId)).warnings).toEqual([tooMany(100_200, 100_000, 100_000)]);
  });

  test('lists the first ones of each shard', async () => {
    const { service, verify, work } = setUp(allDiffering(2 * INSTANCES));
    const runId = await verify({ shards: 2 });
    await work();

    expect(await listed(service, runId)).toEqual([
      ...inOrder().slice(0, MOST),
      ...inOrder(INSTANCES + 1, 2 * INSTANCES).slice(0, MOST),
    ]);
    expect((await service.status(runId)).warnings).toEqual([tooMany(2 * FOUND, 2 * MOST)]);
  });

  test('lists as much again in its next walk, and only that', async () => {
    const { service, verify, work, at } = setUp();
    let token: string | null = null;
    at.call = atBatch(async ({ proceed }, batch) => {
      if (batch === 4) token = (await service.differences(await verify(), { limit: 10 })).next;
      return proceed();
    });
    const runId = await verify();
    await work();
    await expect(service.differences(runId, { after: token ?? '' })).rejects.toThrow(
      `Run ${runId} has begun another walk`,
    );

    expect(await listed(service, runId)).toEqual(inOrder().slice(0, MOST));
    expect((await service.status(runId)).warnings).toEqual([tooMany(FOUND, MOST)]);
  });

  test('is another run than one that is to list more', async () => {
    const { service, verify, work } = setUp();
    const [some, all] = [await verify(), await verify({ maxListedDifferences: FOUND })];
    expect(await verify()).toBe(some);
    await work();

    expect(await listed(service, some)).toHaveLength(MOST);
    expect(await listed(service, all)).toEqual(inOrder());
  });

  test('lists every failure all the same', async () => {
    const broken = { tasks: [{ state: 'COMPLETED', endedAt: 1, json: '{"a":' }] };
    const sound = allDiffering();
    const { service, verify, work } = setUp(
      sound.map((one, index) => (index % 10 === 0 ? instance(Number(one.id), null, broken) : one)),
    );
    const runId = await verify();
    await work();

    expect((await service.status(runId)).warnings[0]).toContain(`The run counted ${FOUND * 0.9} differences`);
    expect((await service.failures(runId)).failures.map(({ instanceId }) => instanceId)).toEqual(
      sound.map(({ id }) => Number(id)).filter((id) => id % 10 === 1),
    );
  });

  test('has no gap in its list if instances are deleted in the batch that fills it', async () => {
    const last = Math.ceil(MOST / KEYS.length);
    const { service, verify, work, at, memory } = setUp();
    const isDeleted = new Set([last - 1, last, last + 1]);
    at.call = async ({ method, argument, proceed }) => {
      const { instances = [] } = Object(argument) as { instances?: { id: number }[] };
      if (method === 'commit')
        for (const { id } of instances) if (isDeleted.has(id)) memory.deleteInstance(id);
      return proceed();
    };
    const runId = await verify();
    await work();

    const all = await listed(service, runId);
    const kept = inOrder().filter((name) => !isDeleted.has(Number(name.split(' ')[0])));
    expect(all).toEqual(kept.slice(0, all.length));
    const { gone, warnings } = await service.status(runId);
    const found = FOUND - 3 * KEYS.length;
    expect([gone, warnings[0]]).toEqual([3, tooMany(found, all.length)]);
  });

  test.each([
    ['before', 0],
    ['after', -1],
    ['after', 0],
    ['after', 1],
  ] as const)(
    'lists the same after its job has died %s the commit %i from the one that fills the list, and another goes on',
    async (when, later) => {
      const dying = FILLING + later;
      const { service, verify, work, jobs, at } = setUp(allDiffering(), { retry: { attempts: 1 } });
      let isDead = false;
      const dies = (): never => {
        isDead = true;
        throw new Error('the process has died');
      };
      const untilThen = atBatch(async ({ proceed }, batch) => {
        if (batch === dying && when === 'before') return dies();
        const result = await proceed();
        return batch === dying ? dies() : result;
      });
      at.call = (call) => (isDead ? Promise.reject(new Error('it is dead')) : untilThen(call));
      const runId = await verify();
      const [job] = jobs;
      await expect(service.handle(job?.payload)).rejects.toMatchObject({ code: 'PORT_FAILED' });
      isDead = false;
      await work();

      expect(await listed(service, runId)).toEqual(inOrder().slice(0, MOST));
      const { state, warnings } = await service.status(runId);
      expect([state, warnings]).toEqual(['completed', [tooMany(FOUND, MOST)]]);
    },
  );
});
