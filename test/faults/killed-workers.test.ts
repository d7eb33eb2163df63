import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest';
import { createBackfillService } from '../../src/index.js';
import { MODEL } from '../support/instances.js';
import { describeWith } from '../support/servers.js';
import { type CompiledCheckout, compileCheckout } from './support/compiled-checkout.js';
import { eventually } from './support/eventually.js';
import { AMQP_URL, createInstances, openFaultHost, PATHS, REDIS_URL } from './support/fault-host.js';
import type { Point } from './support/faulty-points.js';
import { openRunner, type RunnerName } from './support/runners/runner.js';
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

const IN_THE_MIDDLE: readonly Point[] = [
  'before-batch',
  'inside-commit',
  'after-batch',
  'before-allot',
  'after-allot',
  'before-enqueue',
  'after-enqueue',
];

/** Each point so many times, and so many deaths at any moment, in any order. */
function deathsInTheMiddle(random: SeededRandom, each: number, anyMoment: number): Death[] {
  // Not at their first batch: workers that commit nothing, one after another, look like a run that cannot be done.
  const chosen = IN_THE_MIDDLE.flatMap((at) =>
    Array.from({ length: each }, (_, more) => ({ at, nth: 2 + more })),
  );
  const others = Array.from({ length: anyMoment }, () => ({
    at: 'any moment' as const,
    nth: random.between(1, 3),
  }));
  return random.shuffled<Death>([...chosen, ...others]);
}

describeWith(['PostgreSQL', 'Redis'], 'workers that are killed again and again', () => {
  let compiled: CompiledCheckout;
  let uninterrupted: Outcome;
  beforeAll(async () => {
    [compiled, uninterrupted] = await Promise.all([compileCheckout(), uninterruptedOutcome(INSTANCES)]);
  });
  afterAll(() => compiled?.remove());

  /** A requested run, and the workers of it. */
  async function openRun(
    { onTestFinished }: Pick<TestContext, 'onTestFinished'>,
    {
      runner,
      shards = 1,
      instances,
      ...orders
    }: Partial<WorkerOrders> & { runner: RunnerName; shards?: number; instances: number },
  ) {
    const host = await openFaultHost();
    onTestFinished(() => host.close());
    await createInstances(host, instances);
    const jobs = await openRunner(runner, {
      ...host,
      postgresUrl: host.url,
      redisUrl: REDIS_URL,
      amqpUrl: AMQP_URL,
    });
    onTestFinished(async () => {
      await jobs.clear();
      await jobs.close();
    });
    const service = createBackfillService({ repository: host.repository, queue: jobs.queue });
    const requested = await service.request({ processModelId: MODEL, paths: PATHS, shards });
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

  test.concurrent.for([
    { runner: 'pg-boss', shards: 1, each: 2, anyMoment: 14, atLeast: 30 },
    { runner: 'bullmq', shards: 2, each: 2, anyMoment: 14, atLeast: 30 },
    { runner: 'graphile-worker', shards: 1, each: 1, anyMoment: 2, atLeast: 10 },
  ] as const)(
    'finish the run on $runner, and its outcome is that of an uninterrupted run',
    { timeout: 600_000 },
    async ({ runner, shards, each, anyMoment, atLeast }, context) => {
      const random = seededRandom(`killed on ${runner}`);
      const sweeping = { sweepEveryMs: 200, staleAfterMs: 1000 };
      const run = await openRun(context, {
        runner,
        shards,
        instances: INSTANCES,
        sweeping,
        batchSize: 4,
        sliceMs: 60,
        latencyMs: 2,
      });
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
      const deaths = deathsInTheMiddle(random, each, anyMoment);
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
      expect(total).toBeGreaterThanOrEqual(atLeast);
      await expectTrueOutcome(run.host, status);
      expect(await outcomeOf(run.host, status)).toEqual(uninterrupted);
    },
  );

  test.concurrent('on BullMQ, a job that died before it enqueued its continuation does so when it is delivered again', async (context) => {
    const neverSweeping = { sweepEveryMs: 3_600_000, staleAfterMs: 3_600_000 };
    const orders = { sweeping: neverSweeping, batchSize: 4, sliceMs: 30, latencyMs: 1 };
    const run = await openRun(context, { runner: 'bullmq', instances: 100, ...orders });
    // The second time is not by the rescue itself.
    for (const nth of [1, 2]) {
      const worker = run.begin({ at: 'before-enqueue', nth });
      expect(await worker.ended).toMatchObject({ signal: 'SIGKILL' });
    }
    run.begin(null);

    await expectTrueOutcome(run.host, await run.ended());
  });
});
