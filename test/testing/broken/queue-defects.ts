import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { isBackfillError, type JobPayload } from 'process-metadata-backfill';
import type { QueueFixture, QueueHandler } from 'process-metadata-backfill/testing';

/** One mistake of a queue or of the worker behind it. */
export interface QueueDefect {
  readonly title: string;
  breakIt(fixture: QueueFixture<object>): QueueFixture<object>;
  /** How the names of the failing cases begin. No other case fails. */
  readonly breaks: readonly string[];
}

type Enqueue = QueueFixture<object>['queue']['enqueue'];

export const queueDefects: readonly QueueDefect[] = [
  {
    title: 'the payload arrives as text',
    breakIt: (fixture) =>
      handling(
        fixture,
        (handler) => (payload, context) =>
          handler({ ...(payload as JobPayload), step: String((payload as JobPayload).step) }, context),
      ),
    breaks: [
      'enqueue: delivers the payload',
      'enqueue: delivers every',
      'enqueue: accepts the same',
      'enqueue: accepts every',
      'enqueue: delivers a job with `startAfter`',
      'transactions: a job enqueued in a transaction that rolls',
      'enqueue: delivers a job with a short',
      'enqueue: accepts a job with `startAfter` in 60',
      'worker: does not receive a job again and',
      'worker: receives jobs',
      'worker: does not receive a job again while',
      'worker: when it stops, lets the running job',
      'service:',
    ],
  },
  {
    title: 'the payload loses its shard',
    breakIt: (fixture) =>
      handling(
        fixture,
        (handler) => (payload, context) => handler({ ...(payload as JobPayload), shard: 0 }, context),
      ),
    breaks: ['enqueue: delivers the payload'],
  },
  {
    title: 'of many jobs at once some are lost',
    breakIt: (fixture) => {
      let underWay = 0;
      return enqueuing(fixture, (enqueue) => async (job, options) => {
        underWay += 1;
        if (underWay < 6) await enqueue(job, options);
        await wait(1);
        underWay -= 1;
      });
    },
    breaks: ['enqueue: delivers every'],
  },
  {
    title: 'jobs of one run count as the same job',
    breakIt: (fixture) => {
      const known = new Set<string>();
      return enqueuing(fixture, (enqueue) => async (job, options) => {
        if (known.has(job.payload.runId)) return;
        known.add(job.payload.runId);
        await enqueue(job, options);
      });
    },
    breaks: [
      'enqueue: delivers every',
      'enqueue: accepts the same',
      'enqueue: accepts every',
      'enqueue: delivers a job with `startAfter`',
      'transactions: a job enqueued in a transaction that rolls',
      'enqueue: delivers a job with a short',
      'enqueue: accepts a job with `startAfter` in 60',
      'enqueue: delivers a job again that has failed for good',
      'enqueue: delivers a job again that has failed in all',
      'worker: receives jobs',
      'worker: does not receive a job again while',
      'worker: when it stops, lets the running job',
      'service:',
    ],
  },
  {
    title: 'a known key is an error unless its job has failed',
    breakIt: (fixture) => {
      const known = new Set<string>();
      const refusing = enqueuing(fixture, (enqueue) => async (job, options) => {
        if (known.has(job.key)) throw new Error('duplicate key');
        known.add(job.key);
        await enqueue(job, options);
      });
      return failing(refusing, (error, key) => {
        known.delete(key);
        throw error;
      });
    },
    breaks: ['enqueue: accepts the same'],
  },
  {
    title: 'keys are shortened',
    breakIt: (fixture) => takingKeysForOne(fixture, (key) => key.slice(0, 128)),
    breaks: ['enqueue: accepts every'],
  },
  {
    title: 'keys are not case-sensitive',
    breakIt: (fixture) => takingKeysForOne(fixture, (key) => key.toLowerCase()),
    breaks: ['enqueue: accepts every'],
  },
  {
    title: '`startAfter` is ignored',
    breakIt: (fixture) =>
      enqueuing(fixture, (enqueue) => (job, options) => enqueue(job, { transaction: options?.transaction })),
    breaks: ['enqueue: delivers a job with `startAfter`', 'enqueue: accepts a job with `startAfter` in 60'],
  },
  {
    title: 'a delay is divided by 1,000',
    breakIt: (fixture) => delaying(fixture, (time) => Date.now() + (time - Date.now()) / 1000),
    breaks: ['enqueue: delivers a job with `startAfter`'],
  },
  {
    title: '`startAfter` is multiplied by 1,000',
    breakIt: (fixture) => delaying(fixture, (time) => time * 1000),
    breaks: ['enqueue: delivers a job with `startAfter`', 'enqueue: delivers a job with a short'],
  },
  {
    title: 'delays are cut to 2.6 seconds',
    breakIt: (fixture) => delaying(fixture, (time) => Math.min(time, Date.now() + 2600)),
    breaks: ['enqueue: accepts a job with `startAfter` in 60 days'],
  },
  {
    title: 'a delay of more than 2^31 ms is none',
    breakIt: (fixture) => delaying(fixture, (time) => (time - Date.now() < 2 ** 31 ? time : 0)),
    breaks: ['enqueue: accepts a job with `startAfter` in 60 days'],
  },
  {
    title: 'a delay cannot end before those that began before it',
    breakIt: (fixture) => {
      let last = 0;
      return delaying(fixture, (time) => {
        last = Math.max(last, time);
        return time > Date.now() ? last : time;
      });
    },
    breaks: ['enqueue: delivers a job with a short delay'],
  },
  {
    title: 'a job that has failed for good keeps its key',
    breakIt: (fixture) => {
      const failed = new Set<string>();
      const dropping = enqueuing(fixture, (enqueue) => async (job, options) => {
        if (!failed.has(job.key)) await enqueue(job, options);
      });
      return failing(dropping, (error, key) => {
        if (isBackfillError(error) && !error.retryable) failed.add(key);
        throw error;
      });
    },
    breaks: ['enqueue: delivers a job again that has failed for good'],
  },
  {
    title: 'a job that has failed in all of its attempts keeps its key',
    breakIt: (fixture) => {
      const failures = new Map<string, number>();
      const dropping = enqueuing(fixture, (enqueue) => async (job, options) => {
        if ((failures.get(job.key) ?? 0) < Number(fixture.attempts)) await enqueue(job, options);
      });
      return failing(dropping, (error, key) => {
        if (!isBackfillError(error)) failures.set(key, (failures.get(key) ?? 0) + 1);
        throw error;
      });
    },
    breaks: ['enqueue: delivers a job again that has failed in all'],
  },
  {
    title: 'an error of the runner is ignored',
    breakIt: (fixture) =>
      enqueuing(fixture, (enqueue) => (job, options) => enqueue(job, options).catch(() => {})),
    breaks: ['enqueue: rejects'],
  },
  {
    title: 'a job is enqueued outside of the transaction',
    breakIt: (fixture) =>
      enqueuing(
        fixture,
        (enqueue) =>
          (job, options = {}) =>
            enqueue(job, { startAfter: options.startAfter }),
      ),
    breaks: ['transactions: a job enqueued in a transaction that rolls'],
  },
  {
    title: 'a job in a transaction is never inserted',
    breakIt: (fixture) =>
      enqueuing(fixture, (enqueue) => async (job, options) => {
        if (options?.transaction === undefined) await enqueue(job, options);
      }),
    breaks: ['transactions: a job enqueued in a transaction that commits'],
  },
  {
    title: 'jobs are lost after a worker was stopped',
    breakIt: (fixture) => {
      let isStopped = false;
      const losing = enqueuing(fixture, (enqueue) => async (job, options) => {
        if (!isStopped) await enqueue(job, options);
      });
      return {
        ...losing,
        async startWorker(handler) {
          const stop = await fixture.startWorker(handler);
          isStopped = false;
          return async () => {
            await stop();
            isStopped = true;
          };
        },
      };
    },
    breaks: ['worker: receives jobs'],
  },
  {
    title: 'a job that failed is not delivered again',
    breakIt: (fixture) =>
      failing(fixture, (error, _, isAborted) => {
        if (isAborted || isBackfillError(error)) throw error;
      }),
    breaks: ['worker: receives a job again', 'enqueue: delivers a job again that has failed in all'],
  },
  {
    title: 'a job is given up after its second failure',
    breakIt: (fixture) => {
      const failures = new Map<string, number>();
      const broken = failing(fixture, (error, key) => {
        failures.set(key, (failures.get(key) ?? 0) + 1);
        if (failures.get(key) !== 2) throw error;
      });
      return { ...broken, attempts: 2 };
    },
    breaks: ['worker: receives a job again'],
  },
  {
    title: 'a job that has failed for good is delivered again',
    breakIt: (fixture) =>
      failing(fixture, (error) => {
        throw isBackfillError(error) ? new Error(error.message) : error;
      }),
    breaks: ['worker: does not receive a job again and'],
  },
  {
    title: 'a job that runs for two and a half seconds is delivered again',
    breakIt: (fixture) => withLock(fixture, 2500),
    breaks: ['worker: does not receive a job again while'],
  },
  {
    title: 'a lock of four seconds is not extended',
    breakIt: (fixture) => ({ ...withLock(fixture, 4000), lockMs: 4000 }),
    breaks: ['worker: does not receive a job again while'],
  },
  {
    title: 'a job is acknowledged before its handler ends, and put back if it fails',
    breakIt: (fixture) => {
      const acknowledged = new Set<string>();
      let isKilled = false;
      const broken = handling(fixture, (handler) => async (payload, context) => {
        const key = keyOf(payload);
        if (isKilled && acknowledged.has(key)) return;
        acknowledged.add(key);
        await handler(payload, context);
      });
      return {
        ...broken,
        async killWorker() {
          isKilled = true;
          await fixture.killWorker?.();
        },
      };
    },
    breaks: ['worker: when it is killed'],
  },
  {
    title: 'a job counts as done as soon as a worker takes it',
    breakIt: (fixture) =>
      handling(fixture, (handler) => async (payload, context) => {
        handler(payload, context).catch(() => {});
      }),
    breaks: [
      'worker: receives a job again',
      'enqueue: delivers a job again that has failed in all',
      'worker: when it is killed',
      'worker: when it stops, aborts',
      'worker: when it stops, lets the runner',
    ],
  },
  {
    title: 'a job that was interrupted counts as done',
    breakIt: (fixture) =>
      failing(fixture, (error, _, isAborted) => {
        if (!isAborted) throw error;
      }),
    breaks: ['worker: when it stops, lets the runner'],
  },
  {
    title: 'stopping does not wait for the running job',
    breakIt: (fixture) => ({
      ...fixture,
      async startWorker(handler) {
        const stop = await fixture.startWorker(handler);
        return async () => {
          stop();
        };
      },
    }),
    breaks: ['worker: when it stops, aborts'],
  },
  {
    title: 'nothing can be enqueued while a worker stops',
    breakIt: (fixture) => {
      let isStopping = false;
      const closing = enqueuing(fixture, (enqueue) => async (job, options) => {
        if (isStopping) throw new Error('the queue is closed');
        await enqueue(job, options);
      });
      return {
        ...closing,
        async startWorker(handler) {
          const stop = await fixture.startWorker(handler);
          return async () => {
            isStopping = true;
            await stop();
            isStopping = false;
          };
        },
      };
    },
    breaks: ['worker: when it stops, lets the running job'],
  },
  {
    title: 'a job cannot enqueue another one unless it was aborted',
    breakIt: (fixture) => {
      const running = new AsyncLocalStorage<AbortSignal | undefined>();
      const refusing = enqueuing(fixture, (enqueue) => async (job, options) => {
        if (running.getStore()?.aborted === false) throw new Error('a job is running');
        await enqueue(job, options);
      });
      return handling(
        refusing,
        (handler) => (payload, context) => running.run(context.signal, () => handler(payload, context)),
      );
    },
    breaks: ['service:'],
  },
  {
    title: 'stopping aborts nothing',
    breakIt: (fixture) =>
      handling(fixture, (handler) => (payload) => handler(payload, { signal: new AbortController().signal })),
    breaks: [
      'worker: when it stops, aborts',
      'worker: when it stops, lets the runner',
      'worker: when it stops, lets the running',
    ],
  },
];

function enqueuing(
  fixture: QueueFixture<object>,
  around: (enqueue: Enqueue) => Enqueue,
): QueueFixture<object> {
  return { ...fixture, queue: { ...fixture.queue, enqueue: around(fixture.queue.enqueue) } };
}

function handling(
  fixture: QueueFixture<object>,
  around: (handler: QueueHandler) => QueueHandler,
): QueueFixture<object> {
  return { ...fixture, startWorker: (handler) => fixture.startWorker(around(handler)) };
}

/** Changes `startAfter`, in milliseconds since the epoch. */
function delaying(fixture: QueueFixture<object>, change: (time: number) => number): QueueFixture<object> {
  return enqueuing(
    fixture,
    (enqueue) =>
      (job, { startAfter, transaction } = {}) =>
        enqueue(job, { transaction, ...(startAfter && { startAfter: new Date(change(+startAfter)) }) }),
  );
}

/** Drops a job if another job had the same `nameOf(key)`. */
function takingKeysForOne(
  fixture: QueueFixture<object>,
  nameOf: (key: string) => string,
): QueueFixture<object> {
  const known = new Map<string, string>();
  return enqueuing(fixture, (enqueue) => async (job, options) => {
    const name = nameOf(job.key);
    if ((known.get(name) ?? job.key) !== job.key) return;
    known.set(name, job.key);
    await enqueue(job, options);
  });
}

/** What becomes of the error of a handler, and of its job. If it is not thrown, the job has succeeded. */
function failing(
  fixture: QueueFixture<object>,
  onError: (error: unknown, key: string, isAborted: boolean) => void,
): QueueFixture<object> {
  return handling(
    fixture,
    (handler) => (payload, context) =>
      handler(payload, context).catch((error) =>
        onError(error, keyOf(payload), context.signal?.aborted === true),
      ),
  );
}

/** A job that runs for longer is delivered again. */
function withLock(fixture: QueueFixture<object>, lockMs: number): QueueFixture<object> {
  return handling(fixture, (handler) => async (payload, context) => {
    const ended = new AbortController();
    const again = wait(lockMs, undefined, ended).then(() => handler(payload, context));
    again.catch(() => {});
    await handler(payload, context).finally(() => ended.abort());
  });
}

function keyOf(payload: unknown): string {
  const { runId, shard, step } = payload as JobPayload;
  return `${runId}_${shard}_${step}`;
}
