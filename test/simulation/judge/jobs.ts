import type { CommitEvent } from '../history.js';
import type { ShardView } from '../read-record.js';
import { isRequest, isWorkable, type JudgedCall, jobKey, type Replay } from './judged-world.js';
import {
  isProgress,
  type Judgement,
  type Rules,
  type RunChange,
  type ShardChange,
  whoOf,
} from './judgement.js';

/**
 * 12. A call allots each step before it enqueues the job for it. No step is allotted twice. A run that is stopped gets no job.
 * 13. A job allots at most one other step, and so does a request. A job that comes too early a second time allots none.
 *    Sweeps wait, and longer after each sweep without effect.
 */
export const jobRules: Rules = {
  commit(event, judgement) {
    if (event.status !== 'committed') return;
    for (const change of judgement.changes) {
      for (const shard of change.shards) {
        judgeAllotment(judgement, change, shard, judgement.world.calls.get(event.call));
        judgeHandBack(judgement, event, change, shard);
        if (shard.isOpened) continue;
        judgeSweeps(judgement, shard, judgement.world.calls.get(event.call), isProgress(shard));
      }
    }
  },

  enqueue({ call: id, payload, key }, { world, broken }) {
    const { runId, shard, step } = payload;
    const [call, run] = [world.calls.get(id), world.runs.get(runId)];
    const who = whoOf(call);
    if (key !== `${runId}_${shard}_${step}`)
      broken(12, `${who} enqueued step ${step} of shard ${shard} as ${key}`);
    // An equal request, or the first job of a walk when it is delivered again, enqueues the first jobs again. They may be lost.
    if (isRequest(call)) return;
    if (run !== undefined && !isWorkable(run.header.state) && run.changedAt < (call?.startedAt ?? 0))
      broken(12, `${who} enqueued a job of a run that had been ${run.header.state} before`);
    const isOfFirst = shard !== 0 && (call?.method === 'take-up' || call?.argument.shard === 0);
    const allotted = run?.shards.get(shard)?.allottedStep;
    if (allotted === undefined || step > allotted) {
      broken(
        12,
        `${who} enqueued step ${step} of shard ${shard}, but the last allotted step is ${allotted ?? 'none'}`,
      );
    } else if (
      call?.allotted.has(`${runId}_${jobKey(shard, step)}`) === false &&
      !mayEnqueueTwice(call) &&
      !isOfFirst
    ) {
      broken(12, `${who} enqueued step ${step} of shard ${shard}, which another call had allotted`);
    }
  },
};

/** A call enqueues a step of another call if its own commit failed, or if two sweeps allot at the same time. */
function mayEnqueueTwice({ method, commitFaults, conflicts }: JudgedCall): boolean {
  return commitFaults > 0 || (method === 'sweep' && conflicts > 0);
}

function judgeAllotment(
  { world, broken }: Judgement,
  { run }: RunChange,
  { before, after, isOpened }: ShardChange,
  call: JudgedCall | undefined,
): void {
  if (after.committedStep > after.allottedStep)
    broken(12, `step ${after.committedStep} of shard ${after.index} has committed, but is not allotted`);
  if (before === null || run === null || after.allottedStep === before.allottedStep) return;
  if (after.allottedStep !== before.allottedStep + 1 && !mayKnowLater(world, call, after))
    broken(12, `step ${before.allottedStep} of shard ${after.index} was followed by ${after.allottedStep}`);
  if (call === undefined || isOpened) return;
  if (call.method !== 'handle' && !(isRequest(call) && call.commitFaults === 0)) return;
  // After a loss, a job may have to note its own step again.
  const ownJob = jobKey(after.index, Number(call.argument.step));
  const own = [...run.allotted].filter(
    ([job, allotment]) => allotment.call === call.id && allotment.isFollowing && job !== ownJob,
  );
  if (own.length > 0) broken(13, `${whoOf(call)} allotted a second step`);
}

/** The store may have lost that a step was allotted. A call from before that knows it, and so does the job of that step. */
function mayKnowLater({ lostAt }: Replay, call: JudgedCall | undefined, { index, allottedStep }: ShardView) {
  if (call === undefined || call.startedAt < lostAt) return true;
  const { shard, step } = call.argument;
  return call.method === 'handle' && shard === index && allottedStep - Number(step) <= 1;
}

/** A runner may ignore every delay. If each early job were handed back, its queue would never be at rest. */
function judgeHandBack(
  { world, broken }: Judgement,
  { call: id }: CommitEvent,
  { run }: RunChange,
  { before, after }: ShardChange,
): void {
  const call = world.calls.get(id);
  if (before === null || run === null || after.handedBack <= before.handedBack || after.heldUntil === null)
    return;
  const { step } = call?.argument ?? {};
  const own = run.allotted.get(jobKey(after.index, Number(step)));
  if (own?.handedBackUntil === after.heldUntil)
    broken(13, `${whoOf(call)} handed back step ${step}, which had been handed back in this hold`);
}

/** The invariant sets no limit to the patience of sweeps. It must double at least this often. */
const DOUBLINGS = 3;

function judgeSweeps(
  { broken }: Judgement,
  { before, after }: ShardChange,
  call: JudgedCall | undefined,
  isBatch: boolean,
): void {
  if (before === null) return;
  if (isBatch) {
    if (after.sweeps !== 0) broken(14, `a batch was committed, but ${after.sweeps} sweeps still count`);
    if (after.vain !== 0) broken(26, `a batch was committed, but ${after.vain} sweeps still count as vain`);
    return;
  }
  if (call?.method !== 'sweep') {
    const isReset = after.sweeps === 0 && after.allottedStep > before.allottedStep;
    if (after.sweeps !== before.sweeps && !isReset) broken(13, `${whoOf(call)} changed the count of sweeps`);
    return;
  }
  if (after.allottedStep === before.allottedStep) return;
  if (after.sweeps !== before.sweeps + 1)
    broken(13, `sweep ${before.sweeps} of shard ${after.index} was followed by ${after.sweeps}`);
  const since = Math.max(before.progressAt, before.sweptAt ?? 0, before.heldUntil ?? 0);
  const patience = Number(call.argument.staleAfterMs) * 2 ** Math.min(before.sweeps, DOUBLINGS);
  const idleMs = (after.sweptAt ?? 0) - since;
  if (idleMs <= patience)
    broken(13, `a sweep enqueued a job after ${idleMs} ms, but had to wait ${patience} ms`);
}
