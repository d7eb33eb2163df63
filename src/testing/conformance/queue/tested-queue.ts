import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { BackfillJob, JobPayload } from '../../../ports/queue.js';
import { ownError } from '../expectations.js';
import type { QueueFixture, QueueHandler } from './queue-fixture.js';

/** A queue under test, with shortcuts for the cases. */
export interface TestedQueue {
  readonly fixture: QueueFixture<unknown>;
  /** A job of this case. Its step tells it from the other jobs of the case. */
  job(step: number, fields?: Partial<BackfillJob>): BackfillJob;
  /** Starts a worker that passes the jobs of this case to `handle`. All other jobs succeed. Resolves to what stops it. */
  work(handle: OwnHandler): Promise<() => Promise<void>>;
  /** Resolves once `isTrue` answers true. Rejects after `patienceMs`. */
  until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void>;
  /** Settles as `action` does. Rejects if that takes longer than `patienceMs`. */
  inTime<Result>(what: string, action: Promise<Result>): Promise<Result>;
  /** Stops all workers, then closes the fixture. */
  close(): Promise<void>;
}

export type OwnHandler = (payload: JobPayload, context: Parameters<QueueHandler>[1]) => Promise<unknown>;

export function testedQueue(fixture: QueueFixture<unknown>): TestedQueue {
  const { patienceMs = 30_000 } = fixture;
  const runId = `conformance${randomBytes(8).toString('hex')}`;
  const working = new Set<() => Promise<void>>();

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

  return {
    fixture,
    inTime,

    job: (step, fields = {}) => ({
      name: 'backfill_metadata',
      key: `${runId}_0_${step}`,
      payload: { runId, shard: 0, step },
      ...fields,
    }),

    async work(handle) {
      const stopWorker = await fixture.startWorker(async (payload, context) => {
        const own = payload as JobPayload | null;
        return own?.runId === runId ? handle(own, context) : undefined;
      });
      const stop = async () => {
        working.delete(stop);
        await inTime('the worker has stopped', stopWorker());
      };
      working.add(stop);
      return stop;
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

    async close() {
      for (const stop of working) await stop();
      await inTime('the fixture has closed', (async () => fixture.close?.())());
    },
  };
}
