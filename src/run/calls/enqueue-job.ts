import type { BackfillQueue } from '../../ports/queue.js';

/** One job of a run: the shard to go on with, and the step that was allotted to it. */
export interface ShardJob {
  readonly runId: string;
  readonly shard: number;
  readonly step: number;
}

export interface JobOptions {
  readonly startAfter?: Date | undefined;
  readonly transaction?: unknown;
}

/** Asks the host's queue for a job whose step is allotted in the stored run. */
export async function enqueueJob(
  queue: BackfillQueue<unknown>,
  { runId, shard, step }: ShardJob,
  { startAfter, transaction }: JobOptions,
): Promise<void> {
  const job = {
    name: 'backfill_metadata' as const,
    key: `${runId}_${shard}_${step}`,
    payload: { runId, shard, step },
  };
  // Left out rather than undefined: some runners refuse an undefined option.
  await queue.enqueue(job, {
    ...(startAfter === undefined ? {} : { startAfter }),
    ...(transaction === undefined ? {} : { transaction }),
  });
}
