import {
  assertCreate,
  assertFixture,
  type ConformanceCase,
  conformanceCase,
  type FixtureShape,
  type PromiseOf,
} from './conformance-case.js';
import { delayPromises } from './queue/delay-promises.js';
import { deliveryPromises } from './queue/delivery-promises.js';
import type { QueueFixture } from './queue/queue-fixture.js';
import { retryPromises } from './queue/retry-promises.js';
import { type TestedQueue, testedQueue } from './queue/tested-queue.js';
import { workerPromises } from './queue/worker-promises.js';

const FIXTURE: FixtureShape = {
  type: 'QueueFixture',
  port: 'queue',
  portMethods: ['enqueue'],
  methods: ['startWorker'],
};

const PROMISES = [...deliveryPromises, ...delayPromises, ...retryPromises, ...workerPromises];

/**
 * Returns the promises of `BackfillQueue` and of the worker behind it, as one case each for any test runner. `create` is
 * called once per case. It may use one queue for all cases if they run one after the other. Otherwise one case's worker
 * would take another's jobs.
 * @throws {InvalidInputError} when `create` is no function.
 *
 * @example
 * for (const c of queueConformance(createFixture)) test(c.name, c.run); // vitest, node:test
 */
export function queueConformance<Transaction>(
  create: () => QueueFixture<Transaction> | Promise<QueueFixture<Transaction>>,
): readonly ConformanceCase[] {
  assertCreate(create, FIXTURE);
  const ownRuns = new Set<string>();
  const open = async () => {
    const fixture: unknown = await create();
    assertFixture(fixture, FIXTURE);
    const subject = testedQueue(fixture as QueueFixture<unknown>, ownRuns);
    return { subject, close: () => subject.close() };
  };
  return PROMISES.map((promise) => conformanceCase(amongOwnJobs(promise), open));
}

/** Jobs of somebody else may be why a case fails, so they are reported in the first place. */
function amongOwnJobs(promise: PromiseOf<TestedQueue>): PromiseOf<TestedQueue> {
  return {
    ...promise,
    check: (host) => promise.check(host).finally(() => host.assertNoForeignJob()),
  };
}
