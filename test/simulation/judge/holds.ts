import type { CommitEvent } from '../history.js';
import { isProgress, type Judgement, type Rules, type RunChange, whoOf } from './judgement.js';

/**
 * 25. No batch is committed, and no total is fixed, before the time until which a shard is held. No job of a queue and no
 *    sweep works on a run without a queue.
 */
export const holdRules: Rules = {
  commit(event, judgement) {
    if (event.status !== 'committed') return;
    for (const change of judgement.changes) {
      judgeHold(event, judgement, change);
      judgeQueue(event, judgement, change);
    }
  },

  enqueue({ call, key, payload }, { world, broken }) {
    if (world.calls.has(call) && world.runs.get(payload.runId)?.header.hasQueue === false)
      broken(25, `${whoOf(world.calls.get(call))} enqueued ${key}, a job for a run without a queue`);
  },
};

function judgeHold(
  { call, now }: CommitEvent,
  { world, broken }: Judgement,
  { run, header, shards }: RunChange,
): void {
  if (run === null) return;
  const isFreeze = header !== null && header.before?.total === null && header.after.total !== null;
  const worked = shards.filter((shard) => isFreeze || isProgress(shard));
  for (const { before } of worked) {
    const { heldUntil, heldFor, index } = before ?? {};
    // A job that waits for transactions may find that they have ended sooner.
    const isSettling = isFreeze && heldFor?.startsWith('transactions');
    if (!isSettling && heldUntil != null && heldUntil > now)
      broken(
        25,
        `${whoOf(world.calls.get(call))} worked on shard ${index}, which is held for ${heldUntil - now} ms`,
      );
  }
}

function judgeQueue({ call: id }: CommitEvent, { world, broken }: Judgement, { run }: RunChange): void {
  const call = world.calls.get(id);
  if (run === null || run.header.hasQueue) return;
  if (call?.method === 'handle' || call?.method === 'sweep')
    broken(25, `${whoOf(call)} changed a run that was begun without a queue`);
}
