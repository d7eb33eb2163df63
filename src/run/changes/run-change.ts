import { newPace, type Pace } from '../record/pace.js';
import { type Run, type RunHeader, type RunShard, tallyOf } from '../record/run-record.js';
import { visited } from '../record/tally.js';

/**
 * New contents for some records of a run. The store sets the revisions. Each function of this folder says what a run becomes,
 * or `null` where nothing is left to do. Then somebody else did it, or an earlier try whose answer was lost.
 */
export interface RunChange {
  readonly header?: RunHeader;
  readonly shards?: readonly RunShard[];
}

/** The time until now does not count for the rate. */
export function paceFrom(run: Run, now: number): Pace {
  return newPace(visited(tallyOf(run)), now);
}

/**
 * Gives every shard a new revision, as `changeOf` does for each record of a change. That refuses each commit that is still
 * under way. A shard that is done may be open again, if the database has lost its end.
 */
export function fenced({ shards }: Run, header: RunHeader): RunChange {
  return { header, shards };
}
