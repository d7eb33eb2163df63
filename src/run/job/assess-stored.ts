import { isDeepStrictEqual } from 'node:util';
import type { Run, RunShard } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';

/** What the stored run shows to a job that knew an earlier or a later one. */
export interface Finding {
  /** Why the job ends, if it does. `other-walk`: the run is in another walk, in which the job may have work or not. */
  readonly ending: 'stopped' | 'other-walk' | 'superseded' | 'shard-done' | null;
  /** Whether the database has lost commits that the job knew of. The job goes on from what is stored. */
  readonly isLoss: boolean;
  /** Whether a batch that was planned before may still be committed. */
  readonly isUnmoved: boolean;
}

/**
 * Decides, after each load and each change of a run, whether the job still works on its shard. Nobody takes a shard by a lock:
 * a job goes on unless another one has made progress.
 *
 * A database may lose its last commits in a crash. A shard with fewer commits than this job knew of proves that, and the job
 * goes on from there. Steps that were lost are stored again (allot-step), a lost freeze is repeated (assess-delivery), a lost
 * end gives the job work again (perform-job), and lost owners of keys are found by the runs they name (change-model).
 * @param isOwn whether this very job committed a shard last.
 */
export function assessStored(
  known: Run,
  stored: Run,
  job: { readonly shard: number; readonly step: number },
  isOwn: (shard: RunShard) => boolean,
): Finding {
  const [before, now] = [known.shards[job.shard], stored.shards[job.shard]];
  if (!isWorkable(stored.header.state)) return endedBy('stopped');
  if (isOtherWalk(known, stored)) return endedBy('other-walk');
  if (before === undefined) return GOES_ON;
  if (now === undefined) return endedBy('superseded'); // a freeze in fewer shards has replaced the one that was lost
  if (now.done) return endedBy('shard-done');
  if (now.commits < before.commits && now.committedStep <= job.step) return { ...GOES_ON, isLoss: true };
  if (!isOwn(now) && isOvertaken(before, now, job.step)) return endedBy('superseded');
  // A changed header may have dropped keys, for which the batch was planned.
  const isSameHeader = stored.header.revision === known.header.revision;
  // The database has lost a change of the shard. What the job has read after that change may be lost, too.
  const isWhole = now.changes >= before.changes;
  return { ...GOES_ON, isUnmoved: isSameHeader && isWhole && isSameCheckpoint(now, before) };
}

const GOES_ON: Finding = { ending: null, isLoss: false, isUnmoved: false };

function endedBy(ending: Finding['ending']): Finding {
  return { ...GOES_ON, ending };
}

/** Also if the database has lost that the walk was frozen. */
function isOtherWalk({ header: before }: Run, { header: now }: Run): boolean {
  return now.walk !== before.walk || (before.total !== null && now.total === null);
}

/**
 * A job of a later step has committed, even without moving the checkpoint. Or another delivery of the same step has moved it.
 */
function isOvertaken(before: RunShard, now: RunShard, step: number): boolean {
  if (now.committedStep < step) return false;
  return now.committedStep > step || now.commits > before.commits;
}

/**
 * Whether nobody has committed a batch in between. The count alone does not tell: after a loss, others may have made as many
 * commits as were lost.
 */
function isSameCheckpoint(now: RunShard, before: RunShard): boolean {
  return (
    now.commits === before.commits &&
    now.committedBy === before.committedBy &&
    isDeepStrictEqual([now.after, now.upTo], [before.after, before.upTo])
  );
}
