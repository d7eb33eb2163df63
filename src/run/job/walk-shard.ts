import type { ThrottleAnswer } from '../../ports/throttle.js';
import { countInstances, snapshotsOf } from '../access/page-entries.js';
import { mayRetry, retryDelayMs } from '../access/retry.js';
import { changeRun, loadRun } from '../access/run-store.js';
import { failIfTooManyFailed, hold } from '../record/run-changes.js';
import { tallyOf } from '../record/run-record.js';
import { emptyTally } from '../record/tally.js';
import type { Worker } from '../worker.js';
import { createBatchSizer } from './batch-size.js';
import { createPacer } from './pacer.js';
import { planBatches } from './plan-batches.js';
import { createPageReader, type PageReader, rangeOf } from './read-pages.js';
import { settleBatch } from './settle-batch.js';
import type { ShardSession } from './shard-session.js';

/**
 * Batch after batch from the checkpoint on, until the session has a reason to end.
 * @throws `signal.reason` when aborted, after the batch in flight.
 */
export async function walkShard(worker: Worker, session: ShardSession): Promise<void> {
  const pages = createPageReader(worker, session);
  try {
    await walk(worker, session, pages);
  } finally {
    await pages.close();
  }
}

async function walk(worker: Worker, session: ShardSession, pages: PageReader): Promise<void> {
  const { runtime, signal, sliceMs, log } = worker;
  const sliceEnd = sliceMs === null ? Number.POSITIVE_INFINITY : runtime.now() + sliceMs;
  const batches = planBatches(worker, session);
  const sizer = createBatchSizer(worker.batchSize);
  const pacer = createPacer(worker);
  const others = watchOthers(worker, session);
  let hasCommitted = false;

  await stopIfTooManyFailed(worker, session); // a job before this one may have died before it could
  for (let emptyPages = 0; session.ending === null; ) {
    signal.throwIfAborted();
    const wait = await pacer.ask();
    if (wait !== null) {
      if (wait.retryAfterMs >= RECORDED_MS) pages.forget();
      await waitForTurn(worker, session, wait, sliceEnd);
      continue;
    }
    if (hasCommitted && runtime.now() >= sliceEnd) return session.end('turn-over');
    await others.look();
    if (session.ending !== null) return;

    const startedAt = runtime.now();
    const page = await pages.next(sizer.size);
    const last = page.at(-1);
    if (last === undefined) {
      emptyPages += 1;
      await finishShard(worker, session, emptyPages);
      continue;
    }
    emptyPages = 0;
    const failedBefore = session.shard.tally.failed;
    const shown = snapshotsOf(page);
    sizer.see(shown);
    // Where a pause or the end of the slice is certain, it would be read for nothing.
    if (pacer.isFree && runtime.now() < sliceEnd) pages.readAhead(last.cursor, sizer.size);
    const result = await settleBatch(worker, session, batches.plan(page));
    batches.learn(result);
    if (session.shard.tally.failed > failedBefore) await stopIfTooManyFailed(worker, session);
    if (result.status !== 'committed') continue;
    hasCommitted = true;

    const { processed, total } = session.watch.progress();
    log.progressed(session.run.header, processed, total);
    sizer.learn({ instances: shown.length, tookMs: runtime.now() - startedAt });
    pacer.learn({ instances: countInstances(page), startedAt });
  }
}

/** Held for less since it last did something, a shard needs no record of it: no sweep misses its job so soon. */
const RECORDED_MS = 1_000;
/** A job is not kept waiting for longer where another one can take over. */
const LONGEST_WAIT_MS = 30_000;

/** Waits in place, or has the continuation wait in the queue. */
async function waitForTurn(
  { repository, runtime, queue, signal }: Worker,
  session: ShardSession,
  { reason, retryAfterMs }: ThrottleAnswer,
  sliceEnd: number,
): Promise<void> {
  const until = runtime.now() + retryAfterMs;
  const { shard } = session;
  const isLong = until - Math.max(shard.at, shard.notBefore ?? 0) >= RECORDED_MS;
  if (isLong) {
    const { run } = await changeRun(repository, session.ports, session.job.runId, (stored) =>
      hold(stored, shard, { until, reason }),
    );
    session.adopt(run);
    if (session.ending !== null) return;
  }
  const isTooLong = until >= sliceEnd || (queue !== null && retryAfterMs > LONGEST_WAIT_MS);
  if (isLong && isTooLong) return session.end('turn-over');
  session.watch.onWait({ for: 'throttle', reason });
  await runtime.sleep(retryAfterMs, signal);
  session.idled();
}

/** An empty page may come from a replica that lags behind: only the finishing commit proves that nothing is left. */
async function finishShard(worker: Worker, session: ShardSession, emptyPages: number): Promise<void> {
  const { runtime, retry, signal } = worker;
  const keyCount = session.run.header.definition.paths.length;
  const result = await session.commit({
    instances: [],
    exhausted: rangeOf(session),
    after: session.shard.after,
    done: true,
    count: () => emptyTally(keyCount),
  });
  if (result.status === 'rejected') throw session.ports.failure('repository.commit', result.error);
  if (result.status !== 'not-exhausted') return;
  if (!mayRetry(retry, emptyPages)) {
    throw session.ports.contractError(
      'readInstances returned an empty page, again and again, although commit finds instances in that range.',
    );
  }
  await runtime.sleep(retryDelayMs(retry, emptyPages, runtime.random), signal);
}

const LOOK_MS = 1_000;

/** In a run of several shards, what the others do is seen once a second, so that progress is that of the run. */
function watchOthers({ repository, runtime }: Worker, session: ShardSession) {
  let lookedAt = runtime.now();
  return {
    async look(): Promise<void> {
      if (session.run.shards.length === 1 || runtime.now() - lookedAt < LOOK_MS) return;
      session.adopt(await loadRun(repository, session.ports, session.job.runId));
      lookedAt = runtime.now();
    },
  };
}

/** Decided upon the stored run: the other shards may have failures, too. */
async function stopIfTooManyFailed(worker: Worker, session: ShardSession): Promise<void> {
  if (session.run.header.definition.maxFailures === null || session.ending !== null) return;
  if (tallyOf(session.run).failed === 0) return;
  const { repository, runtime, log } = worker;
  const { run, changed } = await changeRun(repository, session.ports, session.job.runId, (stored) =>
    failIfTooManyFailed(stored, runtime.now()),
  );
  session.adopt(run);
  if (!changed) return;
  const reason = run.header.lastError ?? '';
  log.warned(run.header, `Metadata backfill stopped: ${reason}. Mend the cause, then go on with this run.`);
}
