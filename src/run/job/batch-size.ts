import { z } from 'zod';
import { wholeNumber } from '../../input/parse-input.js';
import type { InstanceSnapshot, TaskData } from '../../ports/repository.js';

/** Batches that grow and shrink by how long they take and how much they hold. */
export interface AdaptiveBatchSize {
  /** Instances in the first batch, beside complete ones that its page passes over. @default 100 */
  readonly initial?: number | undefined;
  /** The most instances in a batch, up to 10,000. @default 2_000, or `initial` if that is more */
  readonly max?: number | undefined;
  /** How long a batch may take, reading and committing. @default 1_000 */
  readonly targetMs?: number | undefined;
  /** How much task data a batch may hold, one byte a character; two batches are in memory at a time. @default 16_777_216 */
  readonly maxBytes?: number | undefined;
}

/** How many instances to read next, by what became of the batches before. */
export interface BatchSizer {
  readonly size: number;
  /** What a page shows: the next one must not hold too much. */
  see(snapshots: readonly InstanceSnapshot[]): void;
  /** A batch of so many snapshots has been committed. */
  learn(batch: { readonly instances: number; readonly tookMs: number }): void;
}

export function createBatchSizer(batchSize: number | AdaptiveBatchSize): BatchSizer {
  if (typeof batchSize === 'number') return { size: batchSize, see() {}, learn() {} };
  const { targetMs = 1_000, maxBytes = 2 ** 24 } = batchSize;
  const initial = batchSize.initial ?? Math.min(100, batchSize.max ?? 100);
  const max = batchSize.max ?? Math.max(2_000, initial);
  let size = initial;
  let smoothedMs: number | null = null;
  let bytesEach = 0;

  return {
    get size() {
      return size;
    },
    see(snapshots) {
      if (snapshots.length === 0) return;
      // Forgotten slowly: one page of short documents does not make the next one safe.
      bytesEach = Math.max(bytesOf(snapshots) / snapshots.length, FORGETTING * bytesEach);
      size = atLeastOne(Math.min(size, maxBytes / bytesEach));
    },
    learn({ instances, tookMs }) {
      // A smaller batch says nothing of larger ones, unless it took too long. That may be due to what its page passed over: a
      // full one is not expected to take longer.
      if (instances === 0 || (instances < size && tookMs <= targetMs)) return;
      const msEach = tookMs / Math.max(instances, size);
      const isFarOver = tookMs > FAR_OVER * targetMs;
      smoothedMs = smoothedMs === null || isFarOver ? msEach : smoothedMs + SMOOTHING * (msEach - smoothedMs);
      const most = instances < size ? size : Math.max(size + 1, size * MOST_GROWTH);
      size = atLeastOne(Math.min(max, most, targetMs / smoothedMs, maxBytes / bytesEach));
    },
  };
}

function atLeastOne(size: number): number {
  return Math.max(1, Math.floor(size));
}

const MOST_GROWTH = 1.5;
const FAR_OVER = 2;
const SMOOTHING = 0.3;
const FORGETTING = 0.9;

function bytesOf(snapshots: readonly InstanceSnapshot[]): number {
  // What is parsed already is only looked at once a page: writing it out takes as long as reading it did.
  const parsed = snapshots.filter(({ data }) => data.form === 'parsed');
  const sample = parsed[Math.floor(parsed.length / 2)];
  const parsedBytes = sample === undefined ? 0 : parsed.length * parsedSize(sample.data);
  return snapshots.reduce(
    (sum, { data }) => sum + (data.form === 'json' ? data.text.length : 0),
    parsedBytes,
  );
}

function parsedSize(data: TaskData): number {
  try {
    return data.form === 'parsed' ? (JSON.stringify(data.value)?.length ?? 0) : 0;
  } catch {
    return 0; // cyclic, or not to be written: planning makes it a failure
  }
}

const MOST = 10_000;

const adaptive: z.ZodType<AdaptiveBatchSize> = z
  .strictObject({
    initial: wholeNumber(1, MOST).optional(),
    max: wholeNumber(1, MOST).optional(),
    targetMs: wholeNumber(1, 3_600_000).optional(),
    maxBytes: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  })
  .refine(({ initial, max }) => initial === undefined || max === undefined || initial <= max, {
    path: ['initial'],
    error: 'expected at most max',
  });

const fixed = wholeNumber(1, MOST);

export const batchSizeOption: z.ZodType<number | AdaptiveBatchSize> = z
  .custom<number | AdaptiveBatchSize>()
  .superRefine((value, context) => {
    const schema = typeof value === 'object' && value !== null ? adaptive : fixed;
    for (const issue of schema.safeParse(value).error?.issues ?? []) context.addIssue({ ...issue });
  });
