import type { ThrottleAnswer } from '../../ports/throttle.js';
import { hold } from '../changes/hold-shard.js';
import type { RunContext } from '../context/run-context.js';
import { HELD_FOR } from '../record/report.js';
import type { ShardSession } from './shard-session.js';

/** A shorter hold is not recorded: no sweep takes a job for lost so soon. */
export const RECORDED_MS = 1_000;
/** A job that another job can continue does not wait in place for longer. */
export const LONGEST_WAIT_MS = 30_000;

/** Holds the shard until a throttle lets the next batch go. If that is long, the continuation waits in the queue. */
export async function waitForTurn(
  context: RunContext,
  session: ShardSession,
  { reason, retryAfterMs }: ThrottleAnswer,
): Promise<void> {
  const { runtime, signal } = context;
  const { shard, handle } = session;
  const until = runtime.now() + retryAfterMs;
  if (until - Math.max(shard.progressAt, shard.heldUntil ?? 0) < RECORDED_MS) {
    handle.watch.onWait({ for: 'throttle', reason, until });
    return runtime.sleep(retryAfterMs, signal);
  }
  const { run } = await handle.change((stored) => hold(stored, shard, { until, reason }));
  session.adopt(run);
  const isOwn = session.ending === null && session.shard.heldUntil === until;
  if (isOwn && !mayWaitInPlace(context, session, until)) session.end('hand-over');
}

/** Waits in place until the hold of the shard is over. If that is long, the job goes back to the queue. */
export async function waitWhileHeld(context: RunContext, session: ShardSession): Promise<void> {
  const { runtime, signal } = context;
  const { heldUntil, heldFor } = session.shard;
  const delayMs = (heldUntil ?? 0) - runtime.now();
  if (heldUntil === null || delayMs <= 0) return;
  if (!mayWaitInPlace(context, session, heldUntil)) return session.end('early');
  const reason = heldFor ?? '';
  session.handle.watch.onWait({ for: HELD_FOR.get(reason) ?? 'throttle', reason, until: heldUntil });
  await runtime.sleep(delayMs, signal);
}

function mayWaitInPlace({ queue, runtime }: RunContext, { sliceEnd }: ShardSession, until: number): boolean {
  return until < sliceEnd && (queue === null || until - runtime.now() <= LONGEST_WAIT_MS);
}
