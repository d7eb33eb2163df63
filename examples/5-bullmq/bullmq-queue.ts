import { setTimeout as wait } from 'node:timers/promises';
import { type Queue, UnrecoverableError, Worker, type WorkerOptions } from 'bullmq';
import { type BackfillQueue, type BackfillService, isBackfillError } from 'process-metadata-backfill';

export function createBullmqQueue(queue: Queue, { timeoutMs = 5000 } = {}): BackfillQueue {
  return {
    async enqueue({ name, key, payload }, { startAfter } = {}) {
      const added = queue.add(name, payload, {
        // Unlike a `jobId`, this key is free again when its job has succeeded or failed for good.
        deduplication: { id: key },
        delay: Math.max(0, (startAfter?.getTime() ?? 0) - Date.now()),
        attempts: 10,
        backoff: { type: 'exponential', delay: 1000 },
        // To look at, and nothing else.
        removeOnComplete: { count: 100 },
        removeOnFail: { count: 1000 },
      });
      // While Redis is down, BullMQ waits, and the request would wait with it. A job that arrives later does no harm.
      const answered = new AbortController();
      const tooLate = wait(timeoutMs, undefined, answered).then(() => {
        throw new Error(`Redis has not taken the job within ${timeoutMs} ms`);
      });
      await Promise.race([added, tooLate]).finally(() => answered.abort());
    },
  };
}

/** @returns a function that finishes the current batch and hands the rest over. */
export function startBullmqWorker(
  queueName: string,
  service: Pick<BackfillService, 'handle' | 'sweep'>,
  options: WorkerOptions,
  { sweepEveryMs = 60_000, staleAfterMs = 300_000 } = {},
): () => Promise<void> {
  const stopping = new AbortController();
  const worker = new Worker(
    queueName,
    async (job) => {
      try {
        const onProgress = (progress: object) => void job.updateProgress(progress).catch(() => {});
        await service.handle(job.data, { signal: stopping.signal, onProgress });
      } catch (error) {
        if (isBackfillError(error) && !error.retryable) throw new UnrecoverableError(error.message);
        throw error;
      }
    },
    options,
  );
  worker.on('error', console.error);
  const sweeping = setInterval(() => service.sweep({ staleAfterMs }).catch(console.error), sweepEveryMs);
  return async () => {
    clearInterval(sweeping);
    stopping.abort(); // `close` waits for the job, but does not abort it
    await worker.close();
  };
}
