import type { BackfillJob, BackfillQueue } from '../../ports/queue.js';
import type { ShardJob } from './claim-job.js';

/** Asks the host's queue for the job of a step that is already allotted in the stored run. */
export async function enqueueStep(
  queue: BackfillQueue<unknown>,
  job: ShardJob,
  options: {
    readonly startAfter?: Date | undefined;
    readonly transaction?: unknown;
  } = {},
): Promise<void> {
  const { startAfter, transaction } = options;
  // Left out rather than undefined: some runners take an undefined option for a wrong one.
  await queue.enqueue(jobOf(job), {
    ...(startAfter === undefined ? {} : { startAfter }),
    ...(transaction === undefined ? {} : { transaction }),
  });
}

function jobOf({ runId, shard, step }: ShardJob): BackfillJob {
  return {
    name: 'backfill_metadata',
    key: `${runId}_${shard}_${step}`,
    payload: { runId, shard, step },
  };
}
