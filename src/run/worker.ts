import type { BackfillQueue } from '../ports/queue.js';
import type { BackfillRepository, Cursor } from '../ports/repository.js';
import type { Runtime } from '../ports/runtime.js';
import type { Throttle } from '../ports/throttle.js';
import type { RetryOptions } from './access/retry.js';
import type { RunLogger } from './access/run-log.js';
import type { AdaptiveBatchSize } from './job/batch-size.js';
import type { BackfillProgress } from './record/progress.js';

/** What one call of `runBackfill` or `handle` works with. Belongs to this process; nothing of it is stored. */
export interface Worker {
  readonly repository: BackfillRepository<unknown>;
  /** As the repository sorts. */
  readonly compareCursors: (a: Cursor, b: Cursor) => number;
  readonly queue: BackfillQueue<unknown> | null;
  readonly runtime: Runtime;
  readonly batchSize: number | AdaptiveBatchSize;
  readonly sliceMs: number | null;
  readonly retry: RetryOptions;
  readonly throttle: Throttle | null;
  readonly maxInstancesPerSecond: number | null;
  readonly signal: AbortSignal;
  readonly log: RunLogger;
  readonly dryRun: boolean;
  onProgress(progress: BackfillProgress): void;
}
