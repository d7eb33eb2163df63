import { beforeAll, describe, expect, test } from 'vitest';
import {
  type BackfillJob,
  type BackfillRepository,
  type BackfillService,
  createBackfillService,
  type InstanceDifference,
  type ServiceOptions,
} from '../../src/index.js';
import { createMemoryRepository, type MemoryInstance } from '../../src/memory/index.js';
import { atBatch } from '../run/support/backfill.js';
import { instance, MODEL } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const KEYS = Array.from({ length: 20 }, (_, index) => `key_${index}`);
const BATCH = 20;
/** Most differences have about 1,300 bytes, so that a shard lists some 14,000. */
const INSTANCES = 800;
const FOUND = INSTANCES * KEYS.length;
const MOST_BYTES = 16_777_216;

const asked = {
  processModelId: MODEL,
  paths: KEYS.map((key) => ({ key, path: key })),
  differences: 'values',
} as const;

/** The first key is short. It would still fit in where a long one does not. */
const values = (letter: string): Record<string, string> =>
  Object.fromEntries(KEYS.map((key, index) => [key, index === 0 ? letter : letter.repeat(200)]));

/** Every key of each instance differs. */
const differing = (id: number): MemoryInstance => instance(id, values('語'), { metadata: values('話') });

const allDiffering = (): MemoryInstance[] =>
  Array.from({ length: INSTANCES }, (_, index) => differing(index + 1));

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

async function listed(service: BackfillService, runId: string): Promise<string[]> {
  const all: InstanceDifference[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const { differences, next } = await service.differences(runId, { after });
    all.push(...differences);
    after = next;
  }
  return all.map(({ instanceId, key }) => `${instanceId} ${key}`);
}

/** Every difference that there is, in the order of the walk. */
const inOrder = (from = 1, to = INSTANCES): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => KEYS.map((key) => `${from + index} ${key}`)).flat();

const tooMany = (found: number, some: number): string =>
  `A run lists at most 16 MB of differences per shard, and this one found more. All ${found} are counted, but only ${some} are listed.`;

/** What a verification lists that nobody disturbs, and which batch fills the list. */
let whole: readonly string[] = [];
let filling = 0;
beforeAll(async () => {
  const { service, verify, work } = setUp();
  const runId = await verify();
  await work();
  whole = await listed(service, runId);
  filling = Math.ceil((whole.length + 1) / (BATCH * KEYS.length));
});

describe('a verification of very many differences', () => {
  test('counts all, lists the first 16 MB of a shard, and says so', async () => {
    const { service, verify, work, memory } = setUp();
    const runId = await verify();
    await work();

    const all = await listed(service, runId);
    expect(all.length).toBeGreaterThan(12_000);
    expect(all).toEqual(inOrder().slice(0, all.length));
    const status = await service.status(runId);
    expect(Object.values(status.differences ?? {}).map(({ different }) => different)).toEqual(
      KEYS.map(() => INSTANCES),
    );
    expect(status.warnings).toEqual([tooMany(FOUND, all.length)]);
    let bytes = 0;
    let records = 0;
    for (let group = 0; group < 100; group += 1)
      for (const { content } of await memory.loadRun(`${runId}_d0_${group}`)) {
        bytes += Buffer.byteLength(JSON.stringify(content));
        records += 1;
      }
    expect(bytes).toBeGreaterThan(MOST_BYTES - 50_000);
    expect(bytes).toBeLessThan(MOST_BYTES + 100 * records); // what is around the items
  });

  test('lists the first ones of each shard', async () => {
    const { service, verify, work } = setUp([
      ...allDiffering(),
      ...Array.from({ length: INSTANCES }, (_, index) => differing(INSTANCES + index + 1)),
    ]);
    const runId = await verify({ shards: 2 });
    await work();

    const all = await listed(service, runId);
    const second = all.findIndex((name) => name === `${INSTANCES + 1} ${KEYS[0]}`);
    expect(all).toEqual([
      ...inOrder().slice(0, second),
      ...inOrder(INSTANCES + 1, 2 * INSTANCES).slice(0, all.length - second),
    ]);
    expect((await service.status(runId)).warnings).toEqual([tooMany(2 * FOUND, all.length)]);
  });

  test('lists as much again in its next walk, and only that', async () => {
    const { service, verify, work, at } = setUp();
    let token: string | null = null;
    at.call = atBatch(async ({ proceed }, batch) => {
      if (batch === 39) token = (await service.differences(await verify())).next;
      return proceed();
    });
    const runId = await verify();
    await work();
    await expect(service.differences(runId, { after: token ?? '' })).rejects.toThrow(
      `Run ${runId} has begun another walk`,
    );

    const all = await listed(service, runId);
    expect(all.length).toBeGreaterThan(12_000);
    expect(all).toEqual(inOrder().slice(0, all.length));
    expect((await service.status(runId)).warnings).toEqual([tooMany(FOUND, all.length)]);
  });

  test('lists every failure all the same', async () => {
    const broken = { tasks: [{ state: 'COMPLETED', endedAt: 1, json: '{"key_0":' }] };
    const sound = allDiffering();
    const { service, verify, work } = setUp(
      sound.map((one, index) => (index % 10 === 0 ? instance(Number(one.id), null, broken) : one)),
    );
    const runId = await verify();
    await work();

    expect((await service.status(runId)).warnings[0]).toContain(`All ${FOUND * 0.9} are counted`);
    expect((await service.failures(runId)).failures.map(({ instanceId }) => instanceId)).toEqual(
      sound.map(({ id }) => Number(id)).filter((id) => id % 10 === 1),
    );
  });

  test('has no gap in its list if instances are deleted in the batch that fills it', async () => {
    const last = Number(whole.at(-1)?.split(' ')[0]);
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
    expect([gone, warnings]).toEqual([3, [tooMany(FOUND - 60, all.length)]]);
  });

  test.each([
    ['before', 0],
    ['after', -1],
    ['after', 0],
    ['after', 1],
  ] as const)(
    'lists the same after its job has died %s the commit %i from the one that fills the list, and another goes on',
    async (when, later) => {
      const dying = filling + later;
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

      expect(await listed(service, runId)).toEqual(whole);
      const { state, warnings } = await service.status(runId);
      expect([state, warnings]).toEqual(['completed', [tooMany(FOUND, whole.length)]]);
    },
  );
});
