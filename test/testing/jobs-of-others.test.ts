import type { JobPayload } from 'process-metadata-backfill';
import { createInProcessQueue } from 'process-metadata-backfill/memory';
import { type QueueFixture, queueConformance } from 'process-metadata-backfill/testing';
import { expect, test } from 'vitest';
import { PATIENCE_MS } from './fixtures/in-process-fixture.js';

/** One queue for all cases. A job that failed waits in it for seconds, or for the next worker. */
function openQueue() {
  const queue = createInProcessQueue({ retry: { initialDelayMs: 10_000 } });
  const given: JobPayload[] = [];
  const fixture: QueueFixture = {
    queue,
    patienceMs: PATIENCE_MS,
    startWorker(handler) {
      queue.work((payload, context) => {
        given.push(payload);
        return handler(payload, context);
      });
      return () => queue.stop();
    },
  };
  const [first] = queueConformance(() => fixture);
  const enqueue = (payload: JobPayload) =>
    queue.enqueue({ name: 'backfill_metadata', key: JSON.stringify(payload), payload });
  return {
    given,
    enqueue,
    runCase: async () => first?.run(),
    /** The runs of the jobs in the queue, up to a job that is enqueued now. */
    async left() {
      await enqueue({ runId: 'last', shard: 0, step: 0 });
      const runIds: string[] = [];
      await new Promise((resolve) =>
        queue.work(async ({ runId }) => {
          if (runId === 'last') resolve(runId);
          else runIds.push(runId);
        }),
      );
      await queue.stop();
      return runIds;
    },
  };
}

test('a case leaves the job of a host in the queue, and says that the fixture needs a queue of its own', async () => {
  const { enqueue, runCase, left } = openQueue();
  await enqueue({ runId: '0mwz5r1elak8r9cd1ty17bvrc', shard: 0, step: 1 });

  await expect(runCase()).rejects.toThrow(
    /This failed: the worker of the fixture was given a job of somebody else: \{ runId: '0mwz5r1elak8r9cd1ty17bvrc', .*Give the fixture a queue of its own/,
  );
  expect(await left()).toEqual(['0mwz5r1elak8r9cd1ty17bvrc']);
});

test('a case leaves the job of another process that runs the cases, and passes', async () => {
  const { enqueue, runCase, left } = openQueue();
  await enqueue({ runId: 'conformance0123456789abcdef', shard: 0, step: 1 });

  await runCase();

  expect(await left()).toEqual(['conformance0123456789abcdef']);
});

test('a case removes a job that an earlier case has left', async () => {
  const { enqueue, runCase, given, left } = openQueue();
  await runCase();
  const [earlier] = given;
  expect(earlier).toMatchObject({ runId: expect.stringMatching(/^conformance/) });
  await enqueue(earlier as JobPayload);

  await runCase();

  expect(given.filter(({ runId }) => runId === earlier?.runId)).toHaveLength(2);
  expect(await left()).toEqual([]);
});
