import createDebug from 'debug';
import pLimit from 'p-limit';
import { z } from 'zod';
import { isBackfillError } from '../errors.js';
import { aFunction, objectWith, parseInput, wholeNumber } from '../input/parse-input.js';
import type { BackfillJob, BackfillQueue, JobPayload } from '../ports/queue.js';
import type { Runtime } from '../ports/runtime.js';
import { backOffMs, mayTryAgain } from '../run/calls/back-off.js';
import { systemRuntime } from '../run/context/system-runtime.js';
import { type RetryOptions, retryOptions } from '../run/options/tuning-options.js';

export interface InProcessQueueOptions {
  /** How many jobs run at the same time. @default 1 */
  readonly concurrency?: number | undefined;
  /** For jobs that fail; one that says it is not retryable is not tried again. */
  readonly retry?: RetryOptions | undefined;
  /** Told of each job that has failed for good. @default the `debug` package */
  readonly onFailure?: ((error: unknown, job: BackfillJob) => void) | undefined;
  /** @default those of the system */
  readonly runtime?: Runtime | undefined;
}

export type JobHandler = (payload: JobPayload, context: { readonly signal: AbortSignal }) => Promise<unknown>;

/** A job runner inside this process. */
export interface InProcessQueue extends BackfillQueue {
  /** Starts to run jobs, those that wait already included. */
  work(handler: JobHandler): void;
  /** Resolves once its worker has nothing left to run, now or later. */
  idle(): Promise<void>;
  /** Aborts the running jobs, starts no other, and resolves when all have settled, as `idle` then does. `work` begins again. */
  stop(): Promise<void>;
}

const debug = createDebug('process-metadata-backfill:queue');

/**
 * Runs jobs in this process, at most `concurrency` at a time. What is queued is lost with the process: the runs are
 * not, if they are stored elsewhere, but somebody has to go on with them.
 * @throws {InvalidInputError} when an option is wrong.
 */
export function createInProcessQueue(options: InProcessQueueOptions = {}): InProcessQueue {
  const {
    concurrency = 1,
    retry = {},
    onFailure = logFailure,
    runtime = systemRuntime,
  } = parseInput('createInProcessQueue options', schema, options);
  const limit = pLimit(concurrency);
  const waiting: { job: BackfillJob; startAfter: Date | undefined }[] = [];
  const underWay = new Set<Promise<void>>();
  let worker: {
    readonly handler: JobHandler;
    readonly stopping: AbortController;
  } | null = null;

  function run(entry: (typeof waiting)[number]): void {
    if (worker === null) {
      waiting.push(entry);
      return;
    }
    const { handler, stopping } = worker;
    const done = deliver(entry, handler, stopping.signal).finally(() => underWay.delete(done));
    underWay.add(done);
  }

  function delayOf({ startAfter }: (typeof waiting)[number]): number {
    return (startAfter?.getTime() ?? 0) - runtime.now();
  }

  async function deliver(
    entry: (typeof waiting)[number],
    handler: JobHandler,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      // A timer may fire a little early.
      for (let delayMs = delayOf(entry); delayMs > 0; delayMs = delayOf(entry))
        await runtime.sleep(delayMs, signal);
      for (let failedAttempts = 0; ; ) {
        const failure = await limit(async () => {
          signal.throwIfAborted();
          return attempt(() => handler(entry.job.payload, { signal }));
        });
        if (failure === null) return;
        signal.throwIfAborted(); // not a failure of the job
        failedAttempts += 1;
        const isFinal = isBackfillError(failure.error) && !failure.error.retryable;
        if (isFinal || !mayTryAgain(retry, failedAttempts)) {
          report(failure.error, entry.job);
          return;
        }
        await runtime.sleep(backOffMs(retry, failedAttempts, runtime.random), signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      run(entry); // not done when the queue was stopped: once it works again
    }
  }

  function report(error: unknown, job: BackfillJob): void {
    try {
      onFailure(error, job);
    } catch (thrown) {
      debug('onFailure threw: %O', thrown);
    }
  }

  return {
    async enqueue(job, { startAfter } = {}) {
      run({ job, startAfter });
    },
    work(handler) {
      if (worker !== null)
        throw new Error('This queue works already. Call stop() first to change its handler.');
      worker = { handler, stopping: new AbortController() };
      for (const entry of waiting.splice(0)) run(entry);
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    async stop() {
      worker?.stopping.abort(new Error('The queue was stopped.'));
      worker = null;
      await Promise.all(underWay);
    },
  };
}

function logFailure(error: unknown, { key }: BackfillJob): void {
  debug('job %s failed for good: %O', key, error);
}

/** `null` when it succeeds. */
async function attempt(work: () => Promise<unknown>): Promise<{ readonly error: unknown } | null> {
  try {
    await work();
    return null;
  } catch (error) {
    return { error };
  }
}

const schema: z.ZodType<InProcessQueueOptions> = z.strictObject({
  concurrency: wholeNumber(1, 1000).optional(),
  retry: retryOptions.optional(),
  onFailure: aFunction<(error: unknown, job: BackfillJob) => void>().optional(),
  runtime: objectWith<Runtime>('a Runtime', ['now', 'sleep', 'random']).optional(),
});
