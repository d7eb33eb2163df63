import { settledProblem } from '../calls/check-answers.js';
import type { Settling } from '../changes/freeze-walk.js';
import { holdFreeze } from '../changes/hold-shard.js';
import type { RunContext } from '../context/run-context.js';
import { UNSETTLED } from '../record/holds.js';
import { isTrial } from '../record/run-definition.js';
import type { ShardSession } from './shard-session.js';
import { LONGEST_WAIT_MS, RECORDED_MS } from './wait-for-turn.js';

/**
 * Before a freeze: waits, `settleMs` at most, for the transactions that were open when the walk began, because they may
 * insert instances. Most of them end at once, so the mark is stored only for a longer wait. A long one ends the session,
 * and the continuation waits in the queue.
 */
export async function waitUntilSettled(context: RunContext, session: ShardSession): Promise<Settling> {
  const { repository, runtime, queue, signal, settleMs } = context;
  const { handle } = session;
  const ask = repository.settled?.bind(repository);
  if (ask === undefined || isTrial(session.run.header.definition)) return { mark: null, settled: null };
  const begunAt = runtime.now();
  const inPlaceUntil = Math.min(session.sliceEnd, queue === null ? Infinity : begunAt + LONGEST_WAIT_MS);
  let { header } = session.run;
  let { mark } = header;
  let since = header.markedAt ?? begunAt;
  for (;;) {
    if (session.run.header.revision !== header.revision) {
      ({ header } = session.run); // somebody has joined, and the mark is too old, or it is stored by now
      ({ mark } = header);
    }
    const given = mark;
    const answer = await handle.calls.call('repository.settled', () => ask(given));
    const problem = settledProblem(answer, given);
    if (problem !== null) throw handle.calls.contractError(`settled: ${problem}`);
    ({ mark } = answer);
    const now = runtime.now();
    since = Math.min(since, now); // a clock may be set back
    if (answer.settled || now >= since + settleMs) return answer;

    const until = Math.min(since + settleMs, now + Math.max(FIRST_PAUSE_MS, Math.ceil((now - since) / 4)));
    const { shard } = session;
    const isTooLong = until > inPlaceUntil;
    if (isTooLong || until - Math.max(begunAt, shard.heldUntil ?? 0) >= RECORDED_MS) {
      const wait = { mark: answer.mark, since, until };
      const { run, changed } = await handle.change((stored) => holdFreeze(stored, header, shard, wait));
      session.adopt(run);
      if (isTooLong && changed && session.ending === null) session.end('hand-over');
      if (session.ending !== null) return answer;
      if (!changed) continue;
    }
    handle.watch.onWait({ for: 'settled', reason: UNSETTLED, until });
    await runtime.sleep(until - now, signal);
  }
}

const FIRST_PAUSE_MS = 25;
