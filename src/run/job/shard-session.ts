import { isBackfillError } from '../../errors.js';
import type {
  Cursor,
  InstanceId,
  InstanceRange,
  InstanceWrites,
  WriteOutcome,
} from '../../ports/repository.js';
import { outcomeProblem } from '../access/answer-problems.js';
import { classifyError } from '../access/classify-error.js';
import type { PortCalls } from '../access/port-calls.js';
import { mayRetry } from '../access/retry.js';
import { loadRun, STALE_READ } from '../access/run-store.js';
import type { ProgressWatch } from '../record/progress.js';
import { recentRate } from '../record/recent-rate.js';
import { randomText } from '../record/run-definition.js';
import { type Run, type RunShard, shardRecord, shardRecordId } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';
import { addTallies, type Tally, visited } from '../record/tally.js';
import type { Worker } from '../worker.js';
import { type Claim, claimJob, type ShardJob } from './claim-job.js';

/**
 * Why a job ends: what it found when it was delivered, or
 * - `turn-over`: slice or signal say so, the continuation is to be enqueued,
 * - `yielded`: a younger step was allotted since, whose job goes on.
 */
export type Ending = Exclude<Claim, 'work'> | 'turn-over' | 'yielded';

/** A batch, or the proof that the shard is done: what to write, and where the checkpoint is then. */
export interface ShardStep {
  readonly instances: readonly InstanceWrites[];
  readonly exhausted?: InstanceRange;
  readonly after: Cursor | null;
  readonly done: boolean;
  count(outcome: WriteOutcome): Tally;
}

export type StepResult =
  | { readonly status: 'committed' }
  /** Not committed, because the stored checkpoint is elsewhere by now, or the job has ended. */
  | { readonly status: 'moved' }
  | { readonly status: 'not-exhausted' }
  | {
      readonly status: 'stale';
      readonly instanceIds: readonly (string | number)[];
    }
  /** Not committed, and an instance may be to blame. */
  | { readonly status: 'rejected'; readonly error: unknown };

/** A shard as one job knows it. Nobody takes a shard: whoever commits next owns the next step, by compare-and-set. */
export interface ShardSession {
  readonly job: ShardJob;
  /** The last step of the shard when the job began: of a later one, somebody has enqueued the job. */
  readonly allotted: number;
  readonly ports: PortCalls;
  readonly watch: ProgressWatch;
  readonly run: Run;
  readonly shard: RunShard;
  /** `null` while there is something to do. */
  readonly ending: Ending | null;
  end(ending: Ending): void;
  /** Goes on from a run that was loaded or changed elsewhere, unless that shows that somebody else does. */
  adopt(run: Run): void;
  /** Nothing was done until now, so that the time does not count as slow work. */
  idled(): void;
  commit(step: ShardStep): Promise<StepResult>;
}

export function openSession(
  { repository, runtime, retry, compareCursors: compare }: Worker,
  { job, ports, watch, run: loaded }: { job: ShardJob; ports: PortCalls; watch: ProgressWatch; run: Run },
): ShardSession {
  const holder = randomText(runtime);
  const claim = claimJob(loaded, job);
  const allotted = loaded.shards[job.shard]?.step ?? job.step;
  let run = loaded;
  let busySince = runtime.now();
  let ending: Ending | null = claim === 'work' ? null : claim;

  const shard = (): RunShard => {
    const found = run.shards[job.shard];
    if (found === undefined) throw new RangeError(`run ${job.runId} has no shard ${job.shard}`);
    return found;
  };
  const isAt = (cursor: Cursor | null, other: Cursor | null): boolean =>
    cursor === null || other === null ? cursor === other : compare(cursor, other) === 0;

  function adopt(loadedRun: Run): void {
    const before = run.shards[job.shard];
    run = loadedRun;
    watch.see(run);
    const now = run.shards[job.shard];
    if (!isWorkable(run.header.state)) ending ??= 'stopped';
    else if (before === undefined || now === undefined) return;
    else if (now.done) ending ??= 'shard-done';
    else if (isOvertaken(before, now)) ending ??= 'superseded';
  }

  /** A younger job has committed, if only a proof; or another one of the same step, and moved on. */
  function isOvertaken(before: RunShard, now: RunShard): boolean {
    if (now.holder === holder || now.epoch < job.step) return false;
    return now.epoch > job.step || !isAt(now.after, before.after);
  }

  function adoptShard(committed: RunShard): void {
    run = {
      ...run,
      shards: run.shards.map((known) => (known.index === committed.index ? committed : known)),
    };
    watch.see(run);
    if (committed.done) ending ??= 'shard-done';
    else if (committed.step > allotted) ending ??= 'yielded';
  }

  /** Somebody else committed, or nobody knows who did. Whoever committed last decides whether this job goes on. */
  async function lookAround(step: ShardStep): Promise<StepResult | 'again' | 'unchanged'> {
    const [before, headerBefore] = [shard(), run.header];
    adopt(await loadRun(repository, ports, job.runId));
    const now = shard();
    if (now.holder === holder && isAt(now.after, step.after) && now.done === step.done) {
      adoptShard(now);
      return { status: 'committed' };
    }
    // A changed header may have dropped keys, for which this batch was planned.
    if (ending !== null || run.header.revision !== headerBefore.revision) return { status: 'moved' };
    if (!isAt(now.after, before.after)) return { status: 'moved' };
    return now.revision === before.revision ? 'unchanged' : 'again';
  }

  async function attempt(step: ShardStep) {
    const before = shard();
    const { after, done, exhausted } = step;
    let committed = before;
    const assertKnown = (ids: readonly InstanceId[]): void => {
      const problem = outcomeProblem(ids, step.instances);
      if (problem !== null) throw ports.contractError(`commit: ${problem}`);
    };
    const result = await repository.commit({
      processModelId: run.header.processModelId,
      expected: [
        {
          id: shardRecordId(job.runId, before.index),
          revision: before.revision,
        },
      ],
      ...(exhausted === undefined ? {} : { exhausted }),
      instances: step.instances,
      next: (outcome) => {
        assertKnown([...outcome.gone, ...outcome.kept.map(({ id }) => id)]);
        const batch = step.count(outcome);
        const at = runtime.now();
        committed = {
          ...before,
          revision: before.revision + 1,
          after,
          done,
          tally: addTallies(before.tally, batch),
          epoch: job.step,
          holder,
          at,
          ratePerSecond: done
            ? before.ratePerSecond
            : recentRate(before.ratePerSecond, visited(batch), at - Math.max(before.at, busySince)),
          swept: 0,
          sweptAt: null,
          notBefore: null,
          waiting: null,
        };
        return [shardRecord(run.header, committed)];
      },
    });
    if (result.status === 'committed') adoptShard(committed);
    if (result.status === 'stale') assertKnown(result.instanceIds);
    if (result.status === 'not-exhausted' && exhausted === undefined)
      throw ports.contractError("commit answered 'not-exhausted' although nothing was to be exhausted.");
    return result;
  }

  /** Whether an error that says nothing about itself is put down to an instance: a single one only after every try. */
  function isSuspect({ instances }: ShardStep, failures: number): boolean {
    return (instances.length > 1 && failures > 1) || !mayRetry(retry, failures);
  }

  return {
    job,
    allotted,
    ports,
    watch,
    get run() {
      return run;
    },
    get shard() {
      return shard();
    },
    get ending() {
      return ending;
    },
    end(reason) {
      ending = reason;
    },
    adopt,
    idled() {
      busySince = runtime.now();
    },
    async commit(step) {
      const tries = { failed: 0, unknown: 0 };
      for (;;) {
        let failure: { readonly error: unknown } | null = null;
        try {
          const result = await attempt(step);
          if (result.status !== 'conflict') return result;
        } catch (error) {
          if (isBackfillError(error)) throw error; // of this library itself, by way of `next`
          failure = { error };
        }
        const result = await lookAround(step);
        if (typeof result === 'object') return result;
        if (failure === null && result === 'unchanged') throw ports.contractError(STALE_READ);
        if (failure === null) continue; // the same batch again, under the revision that is stored now
        const kind = classifyError(repository, failure.error);
        if (kind === 'unknown') tries.unknown += 1;
        if (kind === 'instance' || (kind === 'unknown' && isSuspect(step, tries.unknown)))
          return { status: 'rejected', ...failure };
        tries.failed += 1;
        await ports.recover('repository.commit', failure.error, tries.failed);
      }
    },
  };
}
