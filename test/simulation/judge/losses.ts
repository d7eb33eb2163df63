import { isWorkable, type JudgedCall } from './judged-world.js';
import { type Judgement, type Rules, whoOf } from './judgement.js';

/**
 * For the answers of calls that were under way when the store lost commits. Most of what such a call says may be lost.
 *
 * 14. A job that has looked at its shard since gives way only to another one that has committed. If it hands over, it enqueues
 *    its continuation.
 */
export const lossRules: Rules = {
  return({ call: id, answer }, judgement) {
    const call = judgement.world.calls.get(id);
    if (call?.method === 'handle') judgeJob(judgement, call, Object(answer).state);
  },
};

function judgeJob({ world, broken }: Judgement, call: JudgedCall, state: unknown): void {
  const { runId, shard: index, step } = call.argument as { runId: string; shard: number; step: number };
  const run = world.runs.get(runId);
  const shard = run?.shards.get(index);
  if (run === undefined || shard === undefined || shard.done || call.loadedAt < world.lostAt) return;
  if (!isWorkable(run.header.state) || !run.header.hasQueue || step < shard.committedStep) return;
  const isOvertaken = run.progress.some(
    ({ at, shard: where, call: other }) => where === index && other !== call.id && at > call.startedAt,
  );
  if (isOvertaken || shard.allottedStep > step) return;
  const isHeld = (shard.heldUntil ?? 0) > world.now;
  if (state === 'superseded')
    broken(14, `${whoOf(call)} gave way after a loss, although no other job has committed`);
  if (state === 'continued' && call.enqueued.size === 0 && !isHeld)
    broken(14, `${whoOf(call)} ended after a loss, and the rest of its shard has no job`);
}
