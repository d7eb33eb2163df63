import { failIfTooManyFailed } from '../changes/stop-run.js';
import type { RunContext } from '../context/run-context.js';
import { isHeld } from '../record/holds.js';
import { tallyOf } from '../record/run-record.js';
import { visited } from '../record/tally.js';
import { createBatchSizer } from './batch-size.js';
import { commitToShard } from './commit-to-shard.js';
import { createPacer } from './pacer.js';
import { planBatches } from './plan-batches.js';
import { readBatch } from './read-batch.js';
import { createPageReader, type PageReader, rangeOf } from './read-pages.js';
import { settleBatch } from './settle-batch.js';
import type { ShardSession } from './shard-session.js';
import { waitForTurn, waitWhileHeld } from './wait-for-turn.js';

/**
 * Batch after batch from the checkpoint on, until the session has a reason to end.
 * @throws `signal.reason` when aborted, after the batch in flight.
 */
export async function walkShard(context: RunContext, session: ShardSession): Promise<void> {
  const pages = createPageReader(context, session);
  try {
    await walk(context, session, pages);
  } finally {
    await pages.close();
  }
}

async function walk(context: RunContext, session: ShardSession, pages: PageReader): Promise<void> {
  const { runtime, signal, log } = context;
  const { sliceEnd } = session;
  const planner = planBatches(context, session);
  const sizer = createBatchSizer(context, () => session.batchSizeLimit.value);
  const pacer = createPacer(context, (message) => log.warned(session.run.header, message));
  const others = watchOthers(context, session);
  let hasCommitted = false;

  await stopIfTooManyFailed(context, session); // the job before this one may have died before it could
  for (let emptyPages = 0; session.ending === null; ) {
    signal.throwIfAborted();
    await others.look(); // before the hold is looked at: another job may have stored one
    if (session.ending !== null) return;
    if (isHeld(session.shard, runtime.now())) {
      pages.forget();
      await waitWhileHeld(context, session);
      continue;
    }
    // While instances are under suspicion, nothing makes the job hand over: the next one would know nothing of that.
    const isSettled = session.fewestWithValues === 0;
    const wait = isSettled ? await pacer.ask() : null;
    if (wait !== null) {
      await waitForTurn(context, session, wait);
      continue;
    }
    if (hasCommitted && isSettled && runtime.now() >= sliceEnd) return session.end('hand-over');
    const startedAt = runtime.now();
    // Not where a pause or the end of the slice is certain: that page would be read for nothing. Nor where more is read anyway.
    const readsAhead = (): boolean => isSettled && pacer.isFree && runtime.now() < sliceEnd;
    const room = roomOf(session);
    const { fewestWithValues } = session;
    const batch = await readBatch(session, { pages, planner, sizer, room, fewestWithValues, readsAhead });
    if (batch === null) {
      emptyPages += 1;
      await finishShard(context, session, emptyPages);
      continue;
    }
    emptyPages = 0;
    const before = session.shard;
    const result = await settleBatch(context, session, batch.entries);
    // Parts of it may be committed although the last one is not.
    if (session.shard.commits > before.commits) hasCommitted = true;
    if (session.shard.tally.failed > before.tally.failed) await stopIfTooManyFailed(context, session);
    const committed = visited(session.shard.tally) - visited(before.tally);
    if (committed === 0) continue;

    const reached = session.handle.watch.progress();
    log.progressed(session.run.header, reached.visited, reached.total);
    if (result.status === 'committed') sizer.learn({ shown: batch.shown, tookMs: runtime.now() - startedAt });
    pacer.learn({ instances: committed, startedAt });
  }
}

/** How many instances the run may still visit. A run with a limit has one shard. */
function roomOf({ run, shard }: ShardSession): number {
  const { limit } = run.header.definition;
  return (limit ?? Number.POSITIVE_INFINITY) - visited(shard.tally) - shard.behind.length;
}

/**
 * An empty page may come from a replica that lags behind. Only the finishing commit proves that nothing is left, unless
 * the limit is reached.
 */
async function finishShard(context: RunContext, session: ShardSession, emptyPages: number): Promise<void> {
  const { calls } = session.handle;
  const result = await commitToShard(context, session, {
    entries: [],
    after: session.shard.after,
    finishes: true,
    ...(roomOf(session) > 0 ? { exhausted: rangeOf(session) } : {}),
  });
  if (result.status === 'rejected') throw calls.failure('repository.commit', result.error);
  if (result.status !== 'not-exhausted') return;
  if (!calls.mayTryAgain(emptyPages)) {
    throw calls.contractError(
      'readInstances returned an empty page, again and again, although commit finds instances in that range.',
    );
  }
  await calls.pause(emptyPages);
}

const LOOK_MS = 1_000;

/** A job of a run in several shards looks at the others once a second, so that its progress is that of the run. */
function watchOthers({ runtime }: RunContext, session: ShardSession) {
  let lookedAt = runtime.now();
  return {
    async look(): Promise<void> {
      if (session.run.shards.length === 1 || runtime.now() - lookedAt < LOOK_MS) return;
      session.adopt(await session.handle.load());
      lookedAt = runtime.now();
    },
  };
}

/** Decided from the stored run: the other shards may have failures, too. */
async function stopIfTooManyFailed({ runtime, log }: RunContext, session: ShardSession): Promise<void> {
  if (session.run.header.definition.maxFailures === null || session.ending !== null) return;
  if (tallyOf(session.run).failed === 0) return;
  const { run, changed } = await session.handle.change((stored) =>
    failIfTooManyFailed(stored, runtime.now()),
  );
  session.adopt(run);
  if (!changed) return;
  const reason = run.header.lastError ?? '';
  log.warned(
    run.header,
    `Metadata backfill stopped: ${reason}. Fix the cause, then resume this run: it goes on behind the failed instances. To retry those, call retryFailed() of a service once it has ended.`,
  );
}
