import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createBackfillService } from '../../src/index.js';
import { MODEL } from '../support/instances.js';
import { describeWith } from '../support/servers.js';
import { type CompiledCheckout, compileCheckout } from './support/compiled-checkout.js';
import { eventually } from './support/eventually.js';
import { createInstances, openFaultHost, PATHS, REDIS_URL } from './support/fault-host.js';
import type { Point } from './support/faulty-points.js';
import { openRunner, type RunnerName } from './support/runners.js';
import { type SeededRandom, seededRandom } from './support/seeded-random.js';
import { expectTrueOutcome, type Outcome, outcomeOf, uninterruptedOutcome } from './support/true-outcome.js';
import { startWorker, type WorkerOrders } from './support/worker-process.js';

const INSTANCES = 1500;

/** How a worker dies: by its own hand when it reaches a point for the nth time, or at any moment after some batches. */
interface Death {
  readonly at: Point | 'any moment';
  readonly nth: number;
}

const once = (at: Point): Death => ({ at, nth: 1 });
const AT_THE_BEGINNING = [once('before-freeze'), once('after-freeze')];
const AT_THE_END = [
  once('before-finish'),
  once('after-finish'),
  once('before-complete'),
  once('after-complete'),
];

function inTheMiddle(random: SeededRandom): Death[] {
  const points: Point[] = [
    'before-batch',
    'inside-commit',
    'after-batch',
    'before-allot',
    'after-allot',
    'before-enqueue',
    'after-enqueue',
  ];
  // Not at their first batch: workers that commit nothing, one after another, look like a run that cannot be done.
  const chosen = points.flatMap((at): Death[] => [
    { at, nth: 2 },
    { at, nth: 3 },
  ]);
  const random14 = Array.from({ length: 14 }, (): Death => ({ at: 'any moment', nth: random.between(1, 3) }));
  return random.shuffled([...chosen, ...random14]);
}

await describeWith(['PostgreSQL', 'Redis'], 'workers that are killed again and again', () => {
  let compiled: CompiledCheckout;
  let uninterrupted: Outcome;
  beforeAll(async () => {
    [compiled, uninterrupted] = await Promise.all([compileCheckout(), uninterruptedOutcome(INSTANCES)]);
  });
  afterAll(() => compiled?.remove());

  /** A requested run, and the workers of it. */
  async function openRun(runner: RunnerName, orders: Partial<WorkerOrders>) {
    const host = await openFaultHost();
    onTestFinished(() => host.close());
    await createInstances(host, INSTANCES);
    const jobs = await openRunner(runner, { ...host, postgresUrl: host.url, redisUrl: REDIS_URL });
    onTestFinished(async () => {
      await jobs.clear();
      await jobs.close();
    });
    const service = createBackfillService({ repository: host.repository, queue: jobs.queue });
    const requested = await service.request({ processModelId: MODEL, paths: PATHS });
    if (requested.status !== 'triggered') throw new Error(requested.reason);
    return {
      host,
      status: () => service.status(requested.runId),
      ended: () =>
        eventually(async () => {
          const status = await service.status(requested.runId);
          return status.state !== 'pending' && status.state !== 'running' && status;
        }),
      begin(death: Death | null, more: Partial<WorkerOrders> = {}) {
        const fault =
          death === null || death.at === 'any moment'
            ? null
            : { at: death.at, nth: death.nth, suffer: 'SIGKILL' as const };
        const worker = startWorker(compiled, host, { runner, ...orders, ...more, fault });
        onTestFinished(async () => {
          worker.child.kill('SIGKILL');
          await worker.ended;
        });
        return worker;
      },
    };
  }

  test.concurrent.each<RunnerName>(['pg-boss', 'bullmq'])(
    'finish the run on %s, and its outcome is that of an uninterrupted run',
    async (runner) => {
      const random = seededRandom(`killed on ${runner}`);
      const sweeping = { sweepEveryMs: 200, staleAfterMs: 1000 };
      const run = await openRun(runner, { sweeping, batchSize: 4, sliceMs: 60, latencyMs: 2 });
      const kills = new Map<string, number>();
      const liveAndDie = async (death: Death, more?: Partial<WorkerOrders>) => {
        const worker = run.begin(death, more);
        if (death.at === 'any moment') {
          await worker.reaches('before-batch', death.nth);
          await setTimeout(random.between(0, 60));
          worker.child.kill('SIGKILL');
        }
        expect({ death, ...(await worker.ended) }).toMatchObject({ signal: 'SIGKILL' });
        kills.set(death.at, (kills.get(death.at) ?? 0) + 1);
      };

      for (const death of AT_THE_BEGINNING) await liveAndDie(death);
      // Two at a time: while one is being started, the other takes over from the one that died.
      const deaths = inTheMiddle(random);
      const takeTurns = async () => {
        for (let death = deaths.shift(); death !== undefined; death = deaths.shift()) await liveAndDie(death);
      };
      await Promise.all([takeTurns(), takeTurns()]);
      expect(await run.status()).toMatchObject({ state: 'running' });
      for (const death of AT_THE_END) await liveAndDie(death, { batchSize: 200 });
      run.begin(null);
      const status = await run.ended();

      const total = [...kills.values()].reduce((sum, count) => sum + count, 0);
      console.log(`killed on ${runner}: ${total} times, ${JSON.stringify(Object.fromEntries(kills))}`);
      expect(total).toBeGreaterThanOrEqual(30);
      await expectTrueOutcome(run.host, status);
      expect(await outcomeOf(run.host, status)).toEqual(uninterrupted);
    },
    300_000,
  );
});
