import { type ConformanceCase, conformanceCase } from './conformance-case.js';
import { deliveryPromises } from './queue/delivery-promises.js';
import type { QueueFixture } from './queue/queue-fixture.js';
import { testedQueue } from './queue/tested-queue.js';
import { workerPromises } from './queue/worker-promises.js';

const PROMISES = [...deliveryPromises, ...workerPromises];

/**
 * What `BackfillQueue` promises, and what the worker behind it must do, as cases for any test runner. `create` is
 * called for each case; it may hand out one job runner again and again, but no case can work beside another one.
 *
 * @example
 * for (const c of queueConformance(createFixture)) test(c.name, c.run); // vitest, node:test
 */
export function queueConformance<Transaction>(
  create: () => QueueFixture<Transaction> | Promise<QueueFixture<Transaction>>,
): readonly ConformanceCase[] {
  const open = async () => {
    const subject = testedQueue((await create()) as QueueFixture<unknown>);
    return { subject, close: () => subject.close() };
  };
  return PROMISES.map((promise) => conformanceCase(promise, open));
}
