import { type Run, type RunShard, tallyOf } from './run-record.js';
import { type Verdict, verdictOf } from './verdict.js';

/** The counters of a run that has ended. Its header has them, so that a list of runs needs no other record. */
export interface RunCounts {
  readonly processed: number;
  readonly updated: number;
  readonly failed: number;
  readonly gone: number;
  /** `null`: it is not a dry run. Earlier versions have not stored it. */
  readonly verdict?: Verdict | null;
  readonly lastProgressAt: number | null;
}

export function countsOf(run: Run): RunCounts {
  const { processed, updated, failed, gone } = tallyOf(run);
  const verdict = run.header.definition.dryRun ? verdictOf(run) : null;
  return { processed, updated, failed, gone, verdict, lastProgressAt: lastProgressOf(run.shards) };
}

/**
 * The latest time at which a shard with a committed batch committed, was opened or was resumed. `null` before the first batch.
 */
export function lastProgressOf(shards: readonly RunShard[]): number | null {
  const committed = shards.filter(({ commits }) => commits > 0);
  return committed.length === 0 ? null : Math.max(...committed.map(({ progressAt }) => progressAt));
}
