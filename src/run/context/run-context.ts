import type { BackfillQueue } from '../../ports/queue.js';
import type { BackfillRepository, Cursor } from '../../ports/repository.js';
import type { Runtime } from '../../ports/runtime.js';
import type { Throttle } from '../../ports/throttle.js';
import type { AdaptiveBatchSize, RetryOptions } from '../options/tuning-options.js';
import type { BackfillProgress } from '../record/progress.js';
import type { RunLog } from './run-log.js';

/** What one call of `runBackfill` or of the service works with. Belongs to this process. Nothing of it is stored. */
export interface RunContext {
  readonly repository: BackfillRepository<unknown>;
  /** As the repository sorts. */
  readonly compareCursors: (a: Cursor, b: Cursor) => number;
  /** `null`: continuations are left to the caller. */
  readonly queue: BackfillQueue<unknown> | null;
  readonly runtime: Runtime;
  readonly batchSize: number | AdaptiveBatchSize;
  readonly sliceMs: number | null;
  readonly settleMs: number;
  readonly retry: RetryOptions;
  readonly throttle: Throttle | null;
  readonly maxInstancesPerSecond: number | null;
  readonly signal: AbortSignal;
  readonly log: RunLog;
  readonly dryRun: boolean;
  readonly onProgress: ((progress: BackfillProgress) => unknown) | null;
}

/** The same context, but an abort does not reach it. For what must be stored or enqueued even during a shutdown. */
export function beyondAbort(context: RunContext): RunContext {
  return { ...context, signal: new AbortController().signal };
}
