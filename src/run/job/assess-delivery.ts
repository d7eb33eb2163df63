import type { ShardJob } from '../calls/enqueue-job.js';
import type { Run } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';

/**
 * What a job finds when it is delivered:
 * - `work`: it goes on with its shard.
 * - `rescue`: its slice is over, and its continuation may never have been enqueued.
 * - `superseded`: a later step has committed, or the run has no queue.
 * - `stopped`: no job works on the run at present.
 * - `shard-done`: nothing is left here, but the run may not be completed yet.
 * - `not-stored`: the database has lost the freeze that made the shard. Another job will freeze the run again.
 */
export type Delivery = 'work' | 'rescue' | 'superseded' | 'stopped' | 'shard-done' | 'not-stored';

export function assessDelivery(
  { header, shards }: Run,
  job: ShardJob,
  { isQueued }: { readonly isQueued: boolean },
): Delivery {
  const shard = shards[job.shard];
  if (!isWorkable(header.state)) return 'stopped';
  if (isQueued && !header.hasQueue) return 'superseded';
  if (shard === undefined) return header.total === null ? 'not-stored' : 'superseded';
  if (shard.done) return 'shard-done';
  const { allottedStep, committedStep } = shard;
  if (job.step === committedStep && allottedStep > job.step)
    return allottedStep === job.step + 1 ? 'rescue' : 'superseded';
  // An earlier step stays valid until a later one has committed. Otherwise a long backlog would never finish.
  // A step is allotted before its job is enqueued. If it is not, the database has lost that, and there may be no other job.
  return job.step < committedStep ? 'superseded' : 'work';
}
