import type { ShardJob } from '../calls/enqueue-job.js';
import type { ProgressWatch } from '../record/progress.js';

/** What a job shares with the jobs beside it, in a call that works on several shards at a time, without a queue. */
export interface JobsBeside {
  readonly watch: ProgressWatch;
  /** When the slice of all of them ends, in milliseconds since the epoch. */
  readonly sliceEnd: number;
  /** Performs more jobs beside: those of the shards that a freeze makes, or the first one of the next walk. */
  start(jobs: readonly ShardJob[]): void;
}
