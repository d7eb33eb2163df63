import type { InstanceSnapshot, TaskData } from '../../ports/repository.js';
import type { AdaptiveBatchSize } from '../options/tuning-options.js';

/** How many instances to read next, learnt from the batches before. */
export interface BatchSizer {
  readonly size: number;
  /** The snapshots of a page. The next page must not hold too much. */
  see(snapshots: readonly InstanceSnapshot[]): void;
  /** A batch with this number of snapshots has been committed. */
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
      // The estimate falls slowly: after one page of short documents, the next page may be large again.
      bytesEach = Math.max(bytesOf(snapshots) / snapshots.length, FORGETTING * bytesEach);
      size = atLeastOne(Math.min(size, maxBytes / bytesEach));
    },
    learn({ instances, tookMs }) {
      // A smaller batch says nothing about larger ones, unless it took too long. That may be due to what its page passed
      // over: a full batch is not expected to take longer.
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
  // Of parsed documents, one per page is measured: to serialise a document takes as long as to parse it.
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
    return 0; // cyclic, or nothing that JSON can carry: planning makes it a failure
  }
}
