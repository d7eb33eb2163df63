import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { BackfillJob, JobPayload } from '../../../ports/queue.js';
import type { QueueFixture, QueueHandler } from './queue-fixture.js';

/** A queue under test, with short forms of what the cases do to it. */
export interface TestedQueue {
  readonly fixture: QueueFixture<unknown>;
  /** Of this case alone, with the step for its number. */
  job(step: number, fields?: Partial<BackfillJob>): BackfillJob;
  /** Starts a worker; `handle` is given the jobs of this case, those of others succeed. */
  work(handle: OwnHandler): Promise<() => Promise<void>>;
  /** Resolves once it holds. */
  until(what: string, holds: () => boolean | Promise<boolean>): Promise<void>;
  /** Rejects when `action` takes longer than any queue may. */
  inTime<Result>(what: string, action: Promise<Result>): Promise<Result>;
  /** Stops what is still working. */
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
      throw new Error(`waited ${patienceMs} ms in vain until ${what} (the fixture can set patienceMs)`);
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

    async until(what, holds) {
      let isOver = false;
      const watching = (async () => {
        while (!isOver && !(await holds())) await setTimeout(10);
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
