import type { InstanceId, InstanceRange, InstanceSnapshot } from '../ports/repository.js';
import { compareCursors } from './compare-cursors.js';
import { pageProblem } from './page-problem.js';
import { leftAlone, type PlannedInstance, planInstance } from './plan-instance.js';
import { mayRetry, retryDelayMs } from './retry.js';
import { fail } from './run-changes.js';
import { tallyOf } from './run-record.js';
import { changeRun } from './run-store.js';
import { settleBatch } from './settle-batch.js';
import type { ShardSession, StepResult } from './shard-session.js';
import { emptyTally, visited } from './tally.js';
import type { Worker } from './worker.js';

/**
 * Batch after batch from the checkpoint on, until the session has a reason to end.
 * @throws `signal.reason` when aborted, after the batch in flight.
 */
export async function walkShard(worker: Worker, session: ShardSession): Promise<void> {
  const { runtime, signal, sliceMs, log } = worker;
  const sliceEnd = sliceMs === null ? Number.POSITIVE_INFINITY : runtime.now() + sliceMs;
  const planner = batchPlanner(worker, session);

  for (let emptyPages = 0; session.ending === null; ) {
    signal.throwIfAborted();
    const page = await readPage(worker, session);
    if (page.length === 0) {
      emptyPages += 1;
      await finishShard(worker, session, emptyPages);
      continue;
    }
    emptyPages = 0;
    const failedBefore = session.shard.tally.failed;
    const result = await settleBatch(worker, session, planner.plan(page));
    planner.learn(result);
    if (result.status !== 'committed') continue;

    const tally = tallyOf(session.run);
    log.progressed(session.run.header, visited(tally), session.run.header.total ?? 0);
    if (session.shard.tally.failed > failedBefore) await stopIfTooManyFailed(worker, session, tally.failed);
    if (runtime.now() >= sliceEnd && session.ending === null) session.end('turn-over');
  }
}

function rangeOf({ run, shard }: ShardSession): InstanceRange {
  const { processModelId, definition } = run.header;
  if (shard.upTo === null) throw new RangeError('a shard without a bound has nothing to walk');
  return {
    processModelId,
    instanceIds: definition.instanceIds,
    after: shard.after,
    upTo: shard.upTo,
  };
}

async function readPage(worker: Worker, session: ShardSession): Promise<readonly InstanceSnapshot[]> {
  const { repository, batchSize, signal } = worker;
  const compare = repository.compareCursors?.bind(repository) ?? compareCursors;
  const range = { ...rangeOf(session), limit: batchSize };
  if (range.after !== null && compare(range.after, range.upTo) >= 0) return [];
  const query = {
    ...range,
    paths: session.run.header.definition.paths,
    signal,
  };
  const page = await session.ports.call('repository.readInstances', () => repository.readInstances(query));
  const problem = pageProblem(page, range, compare);
  if (problem !== null) throw session.ports.contractError(`readInstances: ${problem}`);
  return page;
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
  if (result.status !== 'not-exhausted') return;
  if (!mayRetry(retry, emptyPages)) {
    throw session.ports.contractError(
      'readInstances returned an empty page, again and again, although commit finds instances in that range.',
    );
  }
  await runtime.sleep(retryDelayMs(retry, emptyPages, runtime.random), signal);
}

const REREADS = 3;

/** Plans pages; leaves an instance alone once its live writer has been faster than every reading of it. */
function batchPlanner({ repository }: Worker, session: ShardSession) {
  const { paths, missing } = session.run.header.definition;
  const formatValue = repository.formatValue?.bind(repository);
  const leave = new Set<InstanceId>();
  let rereads = 0;
  return {
    plan(page: readonly InstanceSnapshot[]): PlannedInstance[] {
      const { dropped } = session.run.header;
      const rules = { paths, missing, dropped, ...(formatValue === undefined ? {} : { formatValue }) };
      return page.map((snapshot) => {
        const planned = planInstance(snapshot, rules);
        return leave.has(snapshot.id) ? leftAlone(planned) : planned;
      });
    },
    learn(result: StepResult): void {
      if (result.status === 'committed') {
        leave.clear();
        rereads = 0;
      } else if (result.status === 'stale') {
        rereads += 1;
        if (rereads >= REREADS) for (const id of result.instanceIds) leave.add(id);
      }
    },
  };
}

async function stopIfTooManyFailed(worker: Worker, session: ShardSession, failed: number): Promise<void> {
  const { maxFailures } = session.run.header.definition;
  if (maxFailures === null || failed <= maxFailures) return;
  const reason = `${failed} instances failed, maxFailures is ${maxFailures}`;
  const { run } = await changeRun(worker.repository, session.ports, session.job.runId, (stored) =>
    fail(stored, reason, worker.runtime.now()),
  );
  worker.log.warned(
    run.header,
    `Metadata backfill stopped: ${reason}. Mend the cause, then go on with this run.`,
  );
  session.adopt(run);
}
