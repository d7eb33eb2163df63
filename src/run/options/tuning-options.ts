import { z } from 'zod';
import {
  aFunction,
  expecting,
  type Fields,
  nonBlank,
  objectWith,
  optionGroup,
  wholeNumber,
} from '../../input/parse-input.js';
import type { BackfillLogger, StructuredLogger } from '../../ports/logger.js';
import type { Runtime } from '../../ports/runtime.js';
import type { Throttle } from '../../ports/throttle.js';

/** How this process works. Not stored: another process may go on with other tuning. */
export interface TuningOptions {
  /**
   * Instances per transaction, from 1 to 10,000, or bounds for an adaptive size. Filled instances that a page skips do
   * not count. @default 100
   */
  readonly batchSize?: number | AdaptiveBatchSize | undefined;
  /**
   * Milliseconds until a job hands over to a continuation. A job takes at most one batch longer. It waits for the end of a
   * hold only if the hold ends within this time. @default no limit
   */
  readonly sliceMs?: number | undefined;
  /**
   * The most milliseconds, up to an hour, that a walk waits for transactions that were open when it began, because they
   * may insert instances. After that, the run walks once more. Needs a repository with `settled`. @default 10_000
   */
  readonly settleMs?: number | undefined;
  /** For transient faults of the repository and the queue. */
  readonly retry?: RetryOptions | undefined;
  /**
   * Asked before each batch: `null` lets it go, `{ reason, retryAfterMs }` holds it back. If the hold is long and there
   * is a queue, the continuation waits in the queue. @default none
   */
  readonly throttle?: Throttle | undefined;
  /** The most instances per second that a job does on average. Each shard is a job of its own. @default no limit */
  readonly maxInstancesPerSecond?: number | undefined;
  /** @default the `debug` package, under `process-metadata-backfill` */
  readonly logger?: BackfillLogger | StructuredLogger | undefined;
  /** The first word of each log line. @default 'celery_task_backfill_metadata' */
  readonly logTag?: string | undefined;
  /** Clock, timer and random numbers. @default those of the system */
  readonly runtime?: Runtime | undefined;
}

/** Bounds for batches that grow and shrink by how long they take and how much they hold. */
export interface AdaptiveBatchSize {
  /** Instances in the first batch. @default 100, or `max` if that is less */
  readonly initial?: number | undefined;
  /** The most instances in a batch, up to 10,000. @default 2_000, or `initial` if that is more */
  readonly max?: number | undefined;
  /** Milliseconds that a batch may take, from reading to commit. @default 1_000 */
  readonly targetMs?: number | undefined;
  /**
   * About how many bytes of task data a page may hold, at one byte per character, if none of its documents is larger than
   * those before. The first page of a job holds one document. A shard holds two pages in memory at a time, and the values
   * of one batch. @default 16_777_216
   */
  readonly maxBytes?: number | undefined;
}

export interface RetryOptions {
  /** Tries in all, the first included. @default 5 */
  readonly attempts?: number | undefined;
  /** Milliseconds before the second try. They double with each further try. @default 100 */
  readonly initialDelayMs?: number | undefined;
  /** The most milliseconds between two tries. @default 10_000 */
  readonly maxDelayMs?: number | undefined;
}

const MOST_INSTANCES = 10_000;
const LONGEST_MS = 3_600_000;

const adaptiveBatchSize: z.ZodType<AdaptiveBatchSize> = optionGroup<AdaptiveBatchSize>({
  initial: wholeNumber(1, MOST_INSTANCES).optional(),
  max: wholeNumber(1, MOST_INSTANCES).optional(),
  targetMs: wholeNumber(1, LONGEST_MS).optional(),
  maxBytes: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
}).refine(({ initial, max }) => initial === undefined || max === undefined || initial <= max, {
  path: ['initial'],
  error: 'expected at most max',
});

const fixedBatchSize = wholeNumber(1, MOST_INSTANCES);

const batchSize: z.ZodType<number | AdaptiveBatchSize> = z
  .custom<number | AdaptiveBatchSize>()
  .superRefine((value, context) => {
    const schema = typeof value === 'object' && value !== null ? adaptiveBatchSize : fixedBatchSize;
    for (const issue of schema.safeParse(value).error?.issues ?? []) context.addIssue({ ...issue });
  });

export const retryOptions: z.ZodType<RetryOptions> = optionGroup({
  attempts: wholeNumber(1, 100).optional(),
  initialDelayMs: wholeNumber(0, LONGEST_MS).optional(),
  maxDelayMs: wholeNumber(0, LONGEST_MS).optional(),
});

const instancesPerSecond: z.ZodType<number> = expecting(
  'a number above 0',
  (value) => typeof value === 'number' && value > 0 && Number.isFinite(value),
);

export const tuningFields: Fields<TuningOptions> = {
  batchSize: batchSize.optional(),
  sliceMs: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  settleMs: wholeNumber(0, LONGEST_MS).optional(),
  retry: retryOptions.optional(),
  throttle: aFunction<Throttle>().optional(),
  maxInstancesPerSecond: instancesPerSecond.optional(),
  logger: objectWith<BackfillLogger | StructuredLogger>('a logger', ['info', 'warn', 'error']).optional(),
  logTag: nonBlank.optional(),
  runtime: objectWith<Runtime>('a Runtime', ['now', 'sleep', 'random']).optional(),
};
