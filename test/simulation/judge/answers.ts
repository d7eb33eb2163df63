import {
  areDone,
  isRequest,
  isUnknownTo,
  isWorkable,
  type JudgedCall,
  type JudgedRun,
  jobKey,
} from './judged-world.js';
import { type Judgement, type Rules, whoOf } from './judgement.js';

/**
 * 14. An unfinished run that is not paused has a job, or a sweep enqueues one. No call returns before this is certain. A job
 *    in a newer format goes back to the queue. A run is joined as it is, or starts at the earlier time.
 */
export const answerRules: Rules = {
  return({ call: id, answer }, judgement) {
    const call = judgement.world.calls.get(id);
    if (call === undefined) return;
    judgeAllotments(judgement, call);
    if (call.method === 'handle') judgeJob(judgement, call);
    if (call.method === 'sweep') judgeSweep(judgement, call);
    if (call.method === 'resume') judgeResume(judgement, call);
    if (isRequest(call)) {
      judgeRequest(judgement, call, answer);
      judgeStart(judgement, call, answer);
    }
  },

  throw({ call: id, name, code, message, retryable }, { world, broken }) {
    const call = world.calls.get(id);
    if (call === undefined) return;
    const isOwn = name === 'PortError' || name === 'RunError';
    const isOfHost = call.method === 'request' && message.includes('could not serialize');
    if (!isOwn && !isOfHost && !call.isAborted) broken(14, `${whoOf(call)} threw ${name}: ${message}`);
    if (code === 'RUN_FORMAT' && (!retryable || call.method === 'sweep'))
      broken(14, `${whoOf(call)} did not leave a newer format to others: ${message}`);
    const run = world.runs.get(String(call.argument.runId));
    // A job does not find its shard while a freeze is lost.
    const { shard } = call.argument as { readonly shard?: number };
    const isKnown = [...(run?.allotted ?? [])].some(
      ([job, { at }]) => at < call.startedAt && (shard === undefined || job.startsWith(`${shard}_`)),
    );
    if (code === 'RUN_NOT_FOUND' && isKnown) broken(14, `${whoOf(call)} did not find a run that is stored`);
  },
};

/** A call that allots a step must enqueue its job, or throw. Not if a later step was allotted since. */
function judgeAllotments({ world, broken }: Judgement, call: JudgedCall): void {
  // These calls work on the step themselves and may have no queue.
  if (['take-up', 'rerun', 'start', 'verify'].includes(call.method)) return;
  for (const run of world.runs.values()) {
    if (!isWorkable(run.header.state)) continue; // a resume allots other steps
    for (const [job, { call: allotter, at }] of run.allotted) {
      if (allotter !== call.id) continue;
      const shard = job.slice(0, job.indexOf('_'));
      const isOvertaken = [...run.allotted].some(
        ([other, later]) => later.at > at && other.startsWith(`${shard}_`),
      );
      const isDone = run.shards.get(Number(shard))?.done === true;
      if (!world.enqueued.has(`${run.runId}_${job}`) && !isOvertaken && !isDone) {
        broken(
          14,
          `${whoOf(call)} allotted step ${job.slice(shard.length + 1)} of shard ${shard} and did not enqueue it`,
        );
      }
    }
  }
}

function judgeJob({ world, broken }: Judgement, call: JudgedCall): void {
  const { runId, shard: index, step } = call.argument as { runId: string; shard: number; step: number };
  const run = world.runs.get(runId);
  if (run === undefined) {
    broken(14, 'a job succeeded, although its run is not stored (yet)');
    return;
  }
  if (wasStopped(run, call) || !run.header.hasQueue) return;
  if (world.unallotted.has(`${runId}_${jobKey(index, step)}`)) return;
  const shard = run.shards.get(index);
  if (shard === undefined) return;
  if (shard.done) {
    const finishedAt = run.progress.findLast((progress) => progress.call === call.id)?.at ?? call.startedAt;
    const isLast = areDone(run) && run.allDoneAt <= Math.max(finishedAt, call.startedAt);
    const isLeft = isLast && run.changedAt < run.allDoneAt;
    if (isLeft) broken(14, 'the last job of a run succeeded, but the run is not completed');
    return;
  }
  const others = run.progress.filter(
    ({ at, shard: where, call: other }) => where === index && at > call.startedAt && other !== call.id,
  );
  if (others.length > 0 || shard.committedStep > step) return;
  // Who has allotted the job's own step only now enqueues it, too.
  if ((run.allotted.get(jobKey(index, step))?.at ?? -1) > call.startedAt) return;
  const { heldUntil } = shard;
  const isLeft =
    heldUntil !== null &&
    heldUntil > call.now &&
    [...run.allotted].some(
      ([job, { handedBackUntil }]) =>
        handedBackUntil === heldUntil && job === jobKey(index, shard.allottedStep),
    );
  if (isLeft) return; // early for the second time: a sweep enqueues the next job
  if (shard.allottedStep > step) judgeContinuation({ world, broken }, run, call, index, shard.allottedStep);
  else broken(14, `the job of step ${step} succeeded, but the rest of the shard has no job`);
}

/** The slice of a job was over when it was delivered again. Then the job of the next step must have been enqueued. */
function judgeContinuation(
  { world, broken }: Pick<Judgement, 'world' | 'broken'>,
  run: JudgedRun,
  call: JudgedCall,
  shard: number,
  last: number,
): void {
  const { step } = call.argument;
  const job = jobKey(shard, last);
  const allotment = run.allotted.get(job);
  const isOver = call.committedStep === step && last === Number(step) + 1;
  const isOld = isOver && allotment !== undefined && allotment.at < call.startedAt;
  const allotter = world.calls.get(allotment?.call ?? -1);
  const hasEnded =
    allotter?.endedAt != null && allotter.endedAt < call.startedAt && allotter.method === 'handle';
  if (isOld && hasEnded && !world.enqueued.has(`${run.runId}_${job}`)) {
    broken(14, `the job of step ${step} succeeded, but its continuation was never enqueued`);
  }
}

function judgeSweep({ world, broken }: Judgement, call: JudgedCall): void {
  const staleAfterMs = Number(call.argument.staleAfterMs);
  for (const run of world.runs.values()) {
    if (!isWorkable(run.header.state) || run.changedAt > call.startedAt) continue;
    if (!run.header.hasQueue || isUnknownTo(call, run, world.records)) continue;
    const changedAt = Math.max(
      ...[...run.allotted.values()].map(({ at }) => at),
      ...run.progress.map(({ at }) => at),
    );
    if (changedAt > call.startedAt) continue;
    if (areDone(run)) {
      broken(14, 'a sweep did not complete a run whose shards are all done');
      continue;
    }
    for (const { done, progressAt, sweptAt, heldUntil, sweeps, index } of run.shards.values()) {
      const idleMs = call.now - Math.max(progressAt, sweptAt ?? 0, heldUntil ?? 0);
      if (!done && idleMs > staleAfterMs * 2 ** Math.min(sweeps, 6)) {
        broken(14, `a sweep enqueued no job for shard ${index}, which was idle for ${idleMs} ms`);
      }
    }
  }
}

/** A run may be stopped after its last batch. Then no job is left to complete it, so resume must do that. */
function judgeResume({ world, broken }: Judgement, call: JudgedCall): void {
  const run = world.runs.get(String(call.argument.runId));
  if (run === undefined || !areDone(run) || run.allDoneAt > call.startedAt || run.header.state !== 'running')
    return;
  const isUntouched = run.resumedAt > call.startedAt && run.changedAt === run.resumedAt;
  if (isUntouched) broken(14, 'a resume did not complete a run whose shards are all done');
}

/** An equal request enqueues another job if no job has begun the run. The runner may have given the first one up. */
function judgeRequest({ world, broken }: Judgement, call: JudgedCall, answer: unknown): void {
  const { runId, created, state } = Object(answer);
  const run = world.runs.get(runId);
  if (run === undefined) return;
  if (run.changedAt > call.startedAt && run.changedBy !== call.id) return;
  if (state !== run.header.state)
    broken(14, `a request answered ${state} for a run that is ${run.header.state}`);
  const hasBegun = run.header.state !== 'pending' || run.header.total !== null;
  if (created !== false || hasBegun) return;
  if (call.enqueued.size === 0) broken(14, 'a request returned, but its run has no job');
  const isHeld = (run.shards.get(0)?.heldUntil ?? 0) > call.now;
  if ((!isHeld || call.hasMovedStart) && !call.hasNewJob)
    broken(14, 'a request returned, but the runner knows the job of its run, and may have given it up');
}

/** The run starts no later than any of its requests asks for. */
function judgeStart({ world, broken }: Judgement, call: JudgedCall, answer: unknown): void {
  const run = world.runs.get(Object(answer).runId);
  const shard = run?.shards.get(0);
  if (run === undefined || shard === undefined || run.header.total !== null) return;
  const askedFor = call.argument.startAfter;
  const startAt = typeof askedFor === 'string' ? Date.parse(askedFor) : 0;
  const { heldUntil, heldFor } = shard;
  if (heldFor === 'startAfter' && heldUntil !== null && heldUntil > Math.max(startAt, world.now)) {
    const when = new Date(heldUntil).toISOString();
    broken(14, `a request returned, but its run starts later than it asks for, at ${when}`);
  }
}

function wasStopped(run: JudgedRun, call: JudgedCall): boolean {
  return !isWorkable(run.header.state) || run.resumedAt > call.startedAt;
}
