import type { Run } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';

/** One job of a run: which shard to go on with, and the step that was allotted to it. */
export interface ShardJob {
  readonly runId: string;
  readonly shard: number;
  readonly step: number;
}

/**
 * What a job that was just delivered finds:
 * - `work`: it is to go on with its shard,
 * - `rescue`: it had its turn, and nothing shows that its continuation was ever enqueued,
 * - `superseded`: its step was overtaken, or never allotted,
 * - `stopped`: the run is not to be worked on,
 * - `shard-done`: nothing is left here, but the run may still have to be completed.
 */
export type Claim = 'work' | 'rescue' | 'superseded' | 'stopped' | 'shard-done';

export function claimJob({ header, shards }: Run, job: ShardJob): Claim {
  const shard = shards[job.shard];
  if (!isWorkable(header.state)) return 'stopped';
  if (shard === undefined) return 'superseded';
  if (shard.done) return 'shard-done';
  if (job.step === shard.epoch && shard.step > job.step)
    return shard.step === job.step + 1 ? 'rescue' : 'superseded';
  // An older step that nobody has overtaken stays valid: else a long backlog would never finish.
  return job.step > shard.step || job.step < shard.epoch ? 'superseded' : 'work';
}
