import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { BackfillJob, JobPayload } from '../../../ports/queue.js';
import { inspectValue, ownError } from '../expectations.js';
import type { QueueFixture, QueueHandler } from './queue-fixture.js';

/** A queue under test, with shortcuts for the cases. */
export interface TestedQueue {
  readonly fixture: QueueFixture<unknown>;
  readonly patienceMs: number;
  /** A job of this case. Its step tells it from the other jobs of the case. */
  job(step: number, fields?: Partial<BackfillJob>): BackfillJob;
  /**
   * Starts a worker that passes the jobs of this case, or of the run `runId`, to `handle`. The jobs of other cases succeed.
   * Those of others fail, so that they stay in the queue. Resolves to what stops the worker.
   */
  work(handle: OwnHandler, runId?: string): Promise<() => Promise<void>>;
  /** Starts a worker that lists the jobs of this case. */
  collect(): Promise<readonly JobPayload[]>;
  /** Kills the worker that was started last. */
  kill(): Promise<void>;
  /** Resolves once `isTrue` answers true. Rejects after `patienceMs`. */
  until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void>;
  /** Settles as `action` does. Rejects if that takes longer than `patienceMs`. */
  inTime<Result>(what: string, action: Promise<Result>): Promise<Result>;
  /** @throws when a worker was given the job of somebody else. */
  assertNoForeignJob(): void;
  /** Stops all workers, then closes the fixture. */
  close(): Promise<void>;
}

export type OwnHandler = (payload: JobPayload, context: Parameters<QueueHandler>[1]) => Promise<unknown>;

/** How the run ids of all cases begin, in every process. */
const PREFIX = 'conformance';

/** @param ownRuns of all cases before this one. Their jobs may still be in the queue. */
export function testedQueue(fixture: QueueFixture<unknown>, ownRuns: Set<string>): TestedQueue {
  const { patienceMs = 30_000 } = fixture;
  const ownRunId = `${PREFIX}${randomBytes(8).toString('hex')}`;
  const working: (() => Promise<void>)[] = [];
  let foreign: string | null = null;
  ownRuns.add(ownRunId);

  async function inTime<Result>(what: string, action: Promise<Result>): Promise<Result> {
    const watch = new AbortController();
    const tooLate = setTimeout(patienceMs, undefined, { signal: watch.signal }).then(() => {
      throw ownError(
        `timed out after ${patienceMs} ms, waiting until ${what} (to wait longer, set patienceMs in the fixture)`,
      );
    });
    tooLate.catch(() => {});
    return Promise.race([action, tooLate]).finally(() => watch.abort());
  }

  async function work(handle: OwnHandler, runId = ownRunId): Promise<() => Promise<void>> {
    ownRuns.add(runId);
    const stopWorker = await fixture.startWorker(async (payload, context) => {
      const own = payload as JobPayload | null;
      if (own?.runId === runId) return handle(own, context);
      // A payload that the queue has changed is still a job of these cases.
      const text = `${payload} ${JSON.stringify(payload)}`;
      if ([...ownRuns].some((id) => text.includes(id))) return;
      if (!text.includes(PREFIX)) foreign ??= inspectValue(payload);
      throw new Error('This job belongs to somebody else, and the conformance cases leave it in the queue.');
    });
    const stop = async () => {
      if (working.includes(stop)) working.splice(working.indexOf(stop), 1);
      await inTime('the worker has stopped', stopWorker());
    };
    working.push(stop);
    return stop;
  }

  return {
    fixture,
    patienceMs,
    inTime,
    work,

    job: (step, fields = {}) => ({
      name: 'backfill_metadata',
      key: `${ownRunId}_0_${step}`,
      payload: { runId: ownRunId, shard: 0, step },
      ...fields,
    }),

    async collect() {
      const delivered: JobPayload[] = [];
      await work(async (payload) => delivered.push(payload));
      return delivered;
    },

    async kill() {
      working.pop();
      await inTime('the worker was killed', (async () => fixture.killWorker?.())());
    },

    async until(what, isTrue) {
      let isOver = false;
      const watching = (async () => {
        while (!isOver && !(await isTrue())) await setTimeout(10);
      })();
      await inTime(what, watching).finally(() => {
        isOver = true;
      });
    },

    assertNoForeignJob() {
      if (foreign === null) return;
      throw new Error(
        `the worker of the fixture was given a job of somebody else: ${foreign}. That job was made to fail, so that it stays in the queue. Give the fixture a queue of its own, without other producers and workers`,
      );
    },

    async close() {
      for (const stop of [...working]) await stop();
      await inTime('the fixture has closed', (async () => fixture.close?.())());
    },
  };
}
