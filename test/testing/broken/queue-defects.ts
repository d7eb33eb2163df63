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
      'enqueue: delivers a job with',
      'transactions: a job enqueued in a transaction that rolls',
      'worker: receives jobs',
      'service:',
    ],
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
      'enqueue: delivers a job with',
      'transactions: a job enqueued in a transaction that rolls',
      'worker: receives jobs',
      'service:',
    ],
  },
  {
    title: 'a known key is an error',
    breakIt: (fixture) => {
      const known = new Set<string>();
      return enqueuing(fixture, (enqueue) => async (job, options) => {
        if (known.has(job.key)) throw new Error('duplicate key');
        known.add(job.key);
        await enqueue(job, options);
      });
    },
    breaks: ['enqueue: accepts the same'],
  },
  {
    title: 'keys are shortened',
    breakIt: (fixture) => {
      const known = new Set<string>();
      return enqueuing(fixture, (enqueue) => async (job, options) => {
        const key = job.key.slice(0, 128);
        if (known.has(key)) return;
        known.add(key);
        await enqueue(job, options);
      });
    },
    breaks: ['enqueue: accepts every'],
  },
  {
    title: 'keys are not case-sensitive',
    breakIt: (fixture) => {
      const known = new Set<string>();
      return enqueuing(fixture, (enqueue) => async (job, options) => {
        const key = job.key.toLowerCase();
        if (known.has(key)) return;
        known.add(key);
        await enqueue(job, options);
      });
    },
    breaks: ['enqueue: accepts every'],
  },
  {
    title: '`startAfter` is ignored',
    breakIt: (fixture) =>
      enqueuing(fixture, (enqueue) => (job, options) => enqueue(job, { transaction: options?.transaction })),
    breaks: ['enqueue: delivers a job with'],
  },
  {
    title: '`startAfter` is multiplied by 1,000',
    breakIt: (fixture) =>
      enqueuing(
        fixture,
        (enqueue) =>
          (job, { startAfter, transaction } = {}) =>
            enqueue(job, { transaction, ...(startAfter && { startAfter: new Date(+startAfter * 1000) }) }),
      ),
    breaks: ['enqueue: delivers a job with'],
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
    title: 'jobs are lost while no worker runs',
    breakIt: (fixture) => {
      let workers = 0;
      const watched = enqueuing(fixture, (enqueue) => async (job, options) => {
        if (workers > 0) await enqueue(job, options);
      });
      return {
        ...watched,
        async startWorker(handler) {
          workers += 1;
          const stop = await fixture.startWorker(handler);
          return async () => {
            workers -= 1;
            await stop();
          };
        },
      };
    },
    breaks: ['enqueue: accepts the same', 'enqueue: rejects', 'worker: receives jobs', 'service:'],
  },
  {
    title: 'a job that failed is not delivered again',
    breakIt: (fixture) =>
      handling(
        fixture,
        (handler) => (payload, context) =>
          handler(payload, context).catch((error) => {
            if (!context.signal?.aborted && !isBackfillError(error)) return;
            throw error;
          }),
      ),
    breaks: ['worker: receives a job again'],
  },
  {
    title: 'a job counts as done as soon as a worker takes it',
    breakIt: (fixture) =>
      handling(fixture, (handler) => async (payload, context) => {
        handler(payload, context).catch(() => {});
      }),
    breaks: ['worker: receives a job again', 'worker: when it stops, aborts', 'worker: when it stops, lets'],
  },
  {
    title: 'a job that was interrupted counts as done',
    breakIt: (fixture) =>
      handling(
        fixture,
        (handler) => (payload, context) =>
          handler(payload, context).catch((error) => {
            if (!context.signal?.aborted) throw error;
          }),
      ),
    breaks: ['worker: when it stops, lets'],
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
    title: 'stopping aborts nothing',
    breakIt: (fixture) =>
      handling(fixture, (handler) => (payload) => handler(payload, { signal: new AbortController().signal })),
    breaks: ['worker: when it stops, aborts', 'worker: when it stops, lets'],
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
