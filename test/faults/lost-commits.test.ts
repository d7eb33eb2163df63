import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBackfillService, type JobPayload } from '../../src/index.js';
import { MODEL } from '../support/instances.js';
import { describeWithPrograms } from '../support/servers.js';
import { createInstances, type FaultHost, openFaultHost, PATHS } from './support/fault-host.js';
import { type ForgetfulPostgres, startForgetfulPostgres } from './support/forgetful-postgres.js';
import { randomFrom, type SeededRandom, seededRandom } from './support/seeded-random.js';
import { type Nap, type SleepyWorker, startSleepyWorker } from './support/sleepy-worker.js';
import { expectTrueOutcome, type Outcome, outcomeOf, uninterruptedOutcome } from './support/true-outcome.js';

const INSTANCES = 100;
const BATCH_SIZE = 5;

describeWithPrograms('a PostgreSQL that loses its last commits while a worker sleeps', (programs) => {
  let server: ForgetfulPostgres;
  let uninterrupted: Outcome;
  const lostPerRound: number[] = [];
  beforeAll(async () => {
    server = await startForgetfulPostgres(programs);
    uninterrupted = await uninterruptedOutcome(INSTANCES, server.url);
  });
  afterAll(async () => {
    const lost = lostPerRound.filter((count) => count > 0);
    const sum = lost.reduce((total, count) => total + count, 0);
    console.log(`lost commits: ${sum} in ${lost.length} of ${lostPerRound.length} rounds`);
    await server?.close();
  });

  let host: FaultHost;
  let job: JobPayload;
  let jobs: JobPayload[];
  let events: string[];

  async function openRun(): Promise<void> {
    host = await openFaultHost(server.url);
    await createInstances(host, INSTANCES);
    [jobs, events] = [[], []];
    await service().request({ processModelId: MODEL, paths: PATHS });
    job = jobs.shift() as JobPayload;
  }

  function service() {
    const queue = { enqueue: async ({ payload }: { payload: JobPayload }) => void jobs.push(payload) };
    return createBackfillService({ repository: host.repository, queue });
  }

  function startWorker({ name, payload = job, ...options }: WorkerOptions): SleepyWorker {
    return startSleepyWorker(host, {
      ...options,
      payload,
      enqueue: (continuation) => void jobs.push(continuation),
      tell: (event) => void events.push(`${name} ${event}`),
    });
  }

  async function storedCommits(): Promise<number> {
    const records = `select (content->>'commits')::int as commits from metadata_backfill_run where id = $1`;
    const [shard] = await host.query<{ commits: number }>(records, [`${job.runId}_${job.shard}`]);
    return shard?.commits ?? 0;
  }

  /** @returns how many commits are lost. */
  async function crash(): Promise<number> {
    const before = await storedCommits();
    await server.crash();
    const lost = before - (await storedCommits());
    events.push(`the server loses ${lost} of ${before} commits`);
    lostPerRound.push(lost);
    return lost;
  }

  /** @returns a worker that sleeps. The crash spares the commits that it is told to have remembered. */
  async function workUntil(nap: Nap, { remembered, ...how }: HowToWork): Promise<SleepyWorker> {
    const isFirst = remembered > 0 && remembered < nap.commits;
    const worker = startWorker({ ...how, nap: isFirst ? { at: 'after-batch', commits: remembered } : nap });
    await worker.sleeps();
    if (remembered > 0) await server.remember();
    if (isFirst) worker.wake(nap);
    await worker.sleeps();
    return worker;
  }

  /** The sleeping workers and the jobs that are left go on: all at once, or one after another. */
  async function finish(random: SeededRandom, sleeping: readonly SleepyWorker[]): Promise<void> {
    const ways = random.shuffled([
      ...sleeping.map((worker) => () => worker.goOn()),
      () => work(random.between(2, 9)),
    ]);
    if (random.next() < 0.5) await Promise.all(ways.map((way) => way()));
    else for (const way of ways) await way();
    await work(BATCH_SIZE);
  }

  async function work(batchSize: number): Promise<void> {
    for (let payload = jobs.shift(); payload !== undefined; payload = jobs.shift())
      await startWorker({ name: `job of step ${payload.step}`, batchSize, payload }).report;
  }

  /** Delivers the job once more, to a worker that commits so many batches. @returns it, if it has not handed over. */
  async function deliverAgain(
    random: SeededRandom,
    { commits, remembered = 0 }: SecondDelivery,
  ): Promise<SleepyWorker[]> {
    const at = commits === 0 ? 'before-batch' : random.pick(['before-batch', 'after-batch'] as const);
    const how = { name: 'other', batchSize: random.between(2, 9), remembered };
    const worker = await workUntil({ at, commits }, how);
    if (at === 'before-batch' || random.next() < 0.5) return [worker];
    await worker.handOver();
    return [];
  }

  async function expectUninterrupted(): Promise<void> {
    const status = await service().status(job.runId);
    await expectTrueOutcome(host, status);
    expect(await outcomeOf(host, status)).toEqual(uninterrupted);
  }

  async function playRound(random: SeededRandom, play: Play): Promise<void> {
    await openRun();
    await finish(random, await play(random));
    await expectUninterrupted();
    await host.close();
  }

  async function playRounds(title: string, count: number, play: Play): Promise<void> {
    const seeds = seededRandom(title);
    const before = lostPerRound.length;
    for (let round = 1; round <= count; round += 1) {
      await playRound(randomFrom(seeds.between(1, 2 ** 30)), play).catch((cause: unknown) => {
        throw new Error(`round ${round}: ${events.join(', ')}`, { cause });
      });
    }
    const rounds = lostPerRound.slice(before);
    expect(rounds.filter((lost) => lost > 0).length).toBeGreaterThan(count / 2);
  }

  test.each([
    ['as many commits as were lost', 20, (lost: number) => lost],
    ['fewer commits', 9, (lost: number, { between }: SeededRandom) => between(0, lost - 1)],
    ['more commits', 9, (lost: number, { between }: SeededRandom) => lost + between(1, 3)],
  ])(
    'and another delivery makes %s: the outcome is that of an uninterrupted run',
    (many, rounds, commitsFor) =>
      playRounds(many, rounds, async (random) => {
        const remembered = random.between(0, 5);
        const commits = remembered + random.between(1, 6);
        const at = random.pick(['before-page', 'before-batch', 'after-batch', 'inside-commit'] as const);
        const how = { name: 'sleeper', batchSize: BATCH_SIZE, remembered };
        const sleeper = await workUntil({ at, commits }, how);
        const lost = await crash();
        return [sleeper, ...(await deliverAgain(random, { commits: commitsFor(lost, random) }))];
      }),
  );

  test('and those of another delivery are among them: the outcome is that of an uninterrupted run', () =>
    playRounds('commits of another delivery', 12, async (random) => {
      const [own, others] = [random.between(1, 6), random.between(1, 6)];
      const remembered = random.between(0, own + others - 1);
      // Not inside a commit: the other delivery would wait for it.
      const at = random.pick(['before-page', 'before-batch', 'after-batch'] as const);
      const how = { name: 'sleeper', batchSize: BATCH_SIZE, remembered: Math.min(own, remembered) };
      const sleeper = await workUntil({ at, commits: own }, how);
      const sleeping = await deliverAgain(random, {
        commits: others,
        remembered: Math.max(0, remembered - own),
      });
      await crash();
      return [sleeper, ...sleeping];
    }));
});

/** Lets workers work and the server crash. Resolves to the workers that sleep. */
type Play = (random: SeededRandom) => Promise<SleepyWorker[]>;

interface SecondDelivery {
  readonly commits: number;
  readonly remembered?: number;
}

interface WorkerOptions {
  readonly name: string;
  readonly batchSize: number;
  readonly payload?: JobPayload;
  readonly nap?: Nap;
}

interface HowToWork extends Omit<WorkerOptions, 'nap'> {
  /** How many of its commits are written out. */
  readonly remembered: number;
}
