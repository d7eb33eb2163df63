/**
 * The most instances in a batch, learnt from time-outs. It is stored with the shard, as an upper bound for later jobs. After
 * some batches without a time-out, larger ones are tried.
 */
export interface BatchSizeLimit {
  /** `null`: no time-out yet. */
  readonly value: number | null;
  /** A batch took too long. Later ones have at most this number of instances. */
  lower(size: number): void;
  /** The limit before the time-outs that one instance may have caused. `undefined`: there is none. */
  readonly before: number | null | undefined;
  /** Until this job has committed. */
  noteBefore(limit: number | null): void;
  restore(limit: number | null): void;
  /** This job has committed a batch of this number of instances. */
  committed(instances: number): void;
}

/** After this many batches without a time-out, larger ones are tried. */
const GOOD_BATCHES = 10;
/** More than any batch holds. */
const LARGEST_LIMIT = 1_000_000;

export function createBatchSizeLimit(stored: number | null): BatchSizeLimit {
  let value = stored;
  let before: number | null | undefined;
  let goodBatches = 0;
  return {
    get value() {
      return value;
    },
    lower(size) {
      value = Math.max(1, Math.min(size, value ?? size));
      goodBatches = 0;
    },
    get before() {
      return before;
    },
    noteBefore(limit) {
      before = limit;
    },
    restore(limit) {
      value = limit;
    },
    committed(instances) {
      before = undefined;
      if (value === null || instances < value) return;
      goodBatches += 1;
      // The time-outs may have had a cause that is over.
      if (goodBatches % GOOD_BATCHES === 0) value = Math.min(2 * value, LARGEST_LIMIT);
    },
  };
}
