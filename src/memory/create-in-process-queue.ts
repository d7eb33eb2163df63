import createDebug from 'debug';
import pLimit from 'p-limit';
import { z } from 'zod';
import { InvalidInputError, isBackfillError } from '../errors.js';
import { ignoreErrors } from '../input/ignore-errors.js';
import { oneLine } from '../input/one-line.js';
import { aFunction, describe, objectWith, parseInput, wholeNumber } from '../input/parse-input.js';
import type { BackfillJob, BackfillQueue, JobHandler } from '../ports/queue.js';
import type { Runtime } from '../ports/runtime.js';
import { backOffMs, mayTryAgain } from '../run/calls/back-off.js';
import { reasonOf } from '../run/calls/reason-of.js';
import { warnProcess } from '../run/context/run-log.js';
import { systemRuntime } from '../run/context/system-runtime.js';
import { type RetryOptions, retryOptions } from '../run/options/tuning-options.js';

export interface InProcessQueueOptions {
  /** How many jobs run at the same time, from 1 to 1,000. @default 1 */
  readonly concurrency?: number | undefined;
  /** When a failed job is retried. A job whose error says `retryable: false` is not. */
  readonly retry?: RetryOptions | undefined;
  /** Called with each job that has failed for good, and its last error. @default a process warning */
  readonly onFailure?: ((error: unknown, job: BackfillJob) => void) | undefined;
  /** Clock, timer and random numbers. @default those of the system */
  readonly runtime?: Runtime | undefined;
}

/** A queue with a worker inside this process. */
export interface InProcessQueue extends BackfillQueue {
  /**
   * Starts the worker. It runs the jobs that wait already, and every job that is enqueued later. `stop` aborts their signal.
   * @throws {InvalidInputError} when `handler` is no function.
   * @throws {Error} when the queue has a worker. Call `stop` first to change its handler.
   */
  work(handler: JobHandler): void;
  /**
   * Resolves once the worker has no job left: none that runs, waits for its start time or waits for a retry.
   * Without a worker it resolves at once.
   */
  idle(): Promise<void>;
  /**
   * Stops the worker: starts no more jobs, aborts the running ones and resolves when they have settled. Jobs that have
   * not succeeded stay in the queue for the next `work`.
   */
  stop(): Promise<void>;
}

const debug = createDebug('process-metadata-backfill:queue');

/**
 * Creates a queue that runs its jobs in this process, at most `concurrency` at a time. The jobs are lost when the
 * process ends. A run that is stored in a database survives: after a restart, `service.sweep` enqueues its jobs again.
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
  const deliveries = new Set<Promise<void>>();
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
    const done = deliver(entry, handler, stopping.signal).finally(() => deliveries.delete(done));
    deliveries.add(done);
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
        signal.throwIfAborted(); // interrupted by `stop`, which is no failure of the job
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
      run(entry); // interrupted by `stop`: it waits for the next worker
    }
  }

  function report(error: unknown, job: BackfillJob): void {
    ignoreErrors(
      () => onFailure(error, job),
      (thrown) => debug('onFailure failed: %O', thrown),
    );
  }

  return {
    async enqueue(job, { startAfter } = {}) {
      run({ job, startAfter });
    },
    work(handler) {
      if (typeof handler !== 'function')
        throw new InvalidInputError(`work: expected a function, got ${describe(handler)}`);
      if (worker !== null)
        throw new Error('This queue has a worker already. Call stop() first to change its handler.');
      worker = { handler, stopping: new AbortController() };
      for (const entry of waiting.splice(0)) run(entry);
    },
    async idle() {
      while (deliveries.size > 0) await Promise.all(deliveries);
    },
    async stop() {
      worker?.stopping.abort(new Error('The queue was stopped.'));
      worker = null;
      await Promise.all(deliveries);
    },
  };
}

function logFailure(error: unknown, { key }: BackfillJob): void {
  debug('job %s failed for good: %O', key, error);
  const line = `The in-process queue has given up job ${key}: ${reasonOf(error)}. To handle failed jobs, pass onFailure`;
  warnProcess(oneLine(line, 2_000));
}

/** Resolves to `null` on success, and to the error otherwise. */
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
