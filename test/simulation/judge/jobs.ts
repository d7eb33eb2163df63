import { type JudgedCall, jobKey } from './judged-world.js';
import {
  isProgress,
  type Judgement,
  type Rules,
  type RunChange,
  type ShardChange,
  whoOf,
} from './judgement.js';

/**
 * 12. Every enqueued step was allotted before, by whoever enqueues it; no step is allotted twice.
 * 13. A job makes at most one other; sweeps are patient, and more so each time in vain.
 */
export const jobRules: Rules = {
  commit(event, judgement) {
    if (event.status !== 'committed') return;
    for (const change of judgement.changes) {
      for (const shard of change.shards) {
        judgeAllotment(judgement, change, shard, judgement.world.calls.get(event.call));
        if (isExtended(change)) continue;
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
    // The first jobs are enqueued once more by who asks again, or is delivered again: they may never have been.
    const { shard: own, step: ownStep } = call?.argument ?? {};
    const isFirst = step === 0 && (call?.method === 'take-up' || (own === 0 && ownStep === 0));
    if (call?.method === 'request' || isFirst) return;
    const allotted = run?.shards.get(shard)?.allottedStep;
    if (allotted === undefined || step > allotted) {
      broken(
        12,
        `${who} enqueued step ${step} of shard ${shard}, of which ${allotted ?? 'none'} was allotted last`,
      );
    } else if (call?.allotted.has(`${runId}_${jobKey(shard, step)}`) === false && !maySuppose(call)) {
      broken(12, `${who} enqueued step ${step} of shard ${shard}, which it had not allotted`);
    }
  },
};

/** Its answer was lost, or two sweeps wanted to allot the same step: then the same job is enqueued twice. */
function maySuppose({ method, commitFaults, conflicts }: JudgedCall): boolean {
  return commitFaults > 0 || (method === 'sweep' && conflicts > 0);
}

function judgeAllotment(
  { broken }: Judgement,
  change: RunChange,
  { before, after }: ShardChange,
  call: JudgedCall | undefined,
): void {
  const { run } = change;
  if (before === null || run === null || after.allottedStep === before.allottedStep) return;
  if (after.allottedStep !== before.allottedStep + 1)
    broken(12, `step ${before.allottedStep} of shard ${after.index} was followed by ${after.allottedStep}`);
  if (call?.method !== 'handle' || isExtended(change)) return;
  const own = [...run.allotted.values()].filter(
    (allotment) => allotment.call === call.id && allotment.isNext,
  );
  if (own.length > 0) broken(13, `${whoOf(call)} allotted a second step`);
}

function isExtended({ header }: RunChange): boolean {
  return header !== null && header.before !== null && header.after.upTo !== header.before.upTo;
}

/** No world is told how far the patience may grow; it has to double at least so often. */
const DOUBLINGS = 3;

function judgeSweeps(
  { broken }: Judgement,
  { before, after }: ShardChange,
  call: JudgedCall | undefined,
  isBatch: boolean,
): void {
  if (before === null) return;
  if (isBatch) {
    if (after.sweeps !== 0)
      broken(14, `a batch was committed, and ${after.sweeps} sweeps still count as in vain`);
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
  if (idleMs <= patience) broken(13, `a sweep missed a job after ${idleMs} ms, ${patience} were to pass`);
}
