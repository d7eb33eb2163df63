import type { ShardJob } from '../calls/enqueue-job.js';
import type { RunHandle } from '../calls/open-run.js';
import type { RunContext } from '../context/run-context.js';
import { randomText } from '../record/new-ids.js';
import { advancePace, newPace, rateOf, withoutIdleTime } from '../record/pace.js';
import { openShards, type Run, type RunShard } from '../record/run-record.js';
import { addTallies, type Tally, visited } from '../record/tally.js';
import { assessDelivery, type Delivery } from './assess-delivery.js';
import { assessStored, type Finding } from './assess-stored.js';
import { type BatchSizeLimit, createBatchSizeLimit } from './batch-size-limit.js';

/**
 * Why a job ends: what it found when it was delivered, or
 * - `hand-over`: slice or signal say so, and the continuation is to be enqueued.
 * - `early`: the shard is held for longer than the job may wait.
 * - `yielded`: a later step was allotted since, whose job goes on.
 *
 * Or what it found since, see `assessStored`.
 */
export type Ending =
  | Exclude<Delivery, 'work'>
  | 'hand-over'
  | 'early'
  | 'yielded'
  | NonNullable<Finding['ending']>;

/** What one job knows of its shard. Nobody takes a shard: whoever commits next goes on with it, by compare-and-set. */
export interface ShardSession {
  readonly job: ShardJob;
  readonly handle: RunHandle;
  /** The last step that was allotted when the job began. Whoever allotted a later one has enqueued its job. */
  readonly allottedStep: number;
  /** When the job should hand over, in milliseconds since the epoch. */
  readonly sliceEnd: number;
  readonly run: Run;
  readonly shard: RunShard;
  /** `null` while there is something to do. */
  readonly ending: Ending | null;
  end(ending: Ending): void;
  /**
   * Goes on from a run that was loaded or changed elsewhere, unless the run shows that another job does. Returns whether a batch
   * that was planned before may be committed still.
   */
  adopt(run: Run): boolean;
  /** Goes on from its own commit. `instances` leaves out filled and reread ones. */
  adoptShard(shard: RunShard, instances: number): void;
  /** The shard once this job has committed a batch with these outcomes. Pure but for the clock. */
  advanced(
    before: RunShard,
    batch: Tally,
    checkpoint: Pick<
      RunShard,
      | 'after'
      | 'behind'
      | 'failureRecords'
      | 'differenceRecords'
      | 'unlistedDifferences'
      | 'lastWritten'
      | 'done'
      | 'revision'
      | 'committedBy'
    >,
  ): RunShard;
  /** A name for a commit that is about to be tried, by which it is known if its answer gets lost. */
  nameCommit(): string;
  /** Whether this very job committed the shard last. */
  isOwn(shard: RunShard): boolean;
  readonly batchSizeLimit: BatchSizeLimit;
  /** How many instances with values the next batch needs, so that some may prove others to blame. */
  readonly fewestWithValues: number;
  /** Until this job has committed. */
  wantWithValues(count: number): void;
  /** How often the stored shard had fewer commits than this job knew of, since it last had more than ever. */
  readonly losses: number;
}

/** A longer hold (until off-peak hours, say) or time without a worker is no measure of the rate. */
const LONG_HOLD_MS = 60_000;

export function openSession(
  { runtime, queue, maxInstancesPerSecond }: RunContext,
  { job, handle, run: loaded, sliceEnd }: Pick<ShardSession, 'job' | 'handle' | 'run' | 'sliceEnd'>,
): ShardSession {
  const nonce = randomText(runtime);
  const delivery = assessDelivery(loaded, job, { isQueued: queue !== null });
  const allottedStep = Math.max(loaded.shards[job.shard]?.allottedStep ?? 0, job.step);
  const begunAt = runtime.now();
  let run = loaded;
  let known = loaded.shards[job.shard]; // the database may have lost it since
  const batchSizeLimit = createBatchSizeLimit(loaded.shards[job.shard]?.batchSizeLimit ?? null);
  let losses = 0;
  let mostCommits = known?.commits ?? 0;
  let named = 0;
  let fewestWithValues = 0;
  let ending: Ending | null = delivery === 'work' ? null : delivery;

  const isOwn = ({ committedBy }: RunShard): boolean => committedBy?.startsWith(`${nonce}_`) === true;

  function shardNow(): RunShard {
    known = run.shards[job.shard] ?? known;
    if (known === undefined) throw new RangeError(`run ${job.runId} has no shard ${job.shard}`);
    return known;
  }

  return {
    job,
    handle,
    allottedStep,
    sliceEnd,
    get run() {
      return run;
    },
    get shard() {
      return shardNow();
    },
    get ending() {
      return ending;
    },
    end(reason) {
      ending = reason;
    },
    adopt(loadedRun) {
      const found = assessStored(run, loadedRun, job, isOwn);
      run = loadedRun;
      handle.watch.see(run);
      if (found.isLoss) losses += 1;
      ending ??= found.ending;
      return ending === null && found.isUnmoved;
    },
    adoptShard(committed, instances) {
      fewestWithValues = 0;
      if (committed.commits > mostCommits) losses = 0;
      mostCommits = Math.max(mostCommits, committed.commits);
      const shards = run.shards.map((shard) => (shard.index === committed.index ? committed : shard));
      run = { ...run, shards };
      handle.watch.see(run);
      batchSizeLimit.committed(instances);
      if (committed.done) ending ??= 'shard-done';
      else if (committed.allottedStep > allottedStep) ending ??= 'yielded';
    },
    nameCommit() {
      named += 1;
      return `${nonce}_${named}`;
    },
    advanced(before, batch, { done, ...checkpoint }) {
      const now = runtime.now();
      const tally = addTallies(before.tally, batch);
      const idleMs = Math.max(Math.min(before.heldUntil ?? 0, now), begunAt) - before.progressAt;
      const isAlone = run.shards.every(
        ({ index, progressAt }) => index === before.index || progressAt <= before.progressAt,
      );
      const isLeftOut = idleMs > LONG_HOLD_MS && isAlone && !before.pace.wasHeld;
      const held = isLeftOut ? withoutIdleTime(before.pace, idleMs) : before.pace;
      const visitedBefore = run.shards.reduce((sum, shard) => sum + visited(shard.tally), 0);
      const visitedNow = visitedBefore - visited(before.tally) + visited(tally);
      // A clock that was set back makes every mark worthless, and so does a loss of commits.
      const isWorthless = now < held.from.at || visitedNow < held.next.visited;
      const counted = isWorthless ? newPace(visitedBefore, now) : held;
      const pace = advancePace(counted, visitedNow, now);
      const isTimed = now > pace.from.at;
      const measured = isTimed ? rateOf(pace, visitedNow, now) : before.ratePerSecond;
      const most = (maxInstancesPerSecond ?? Number.POSITIVE_INFINITY) * openShards(run.shards).length;
      const capped = Math.min(measured ?? most, most);
      const rate = Number.isFinite(capped) ? capped : null;
      return {
        ...before,
        ...checkpoint,
        changes: before.changes + 1,
        commits: before.commits + 1,
        done,
        tally,
        allottedStep: Math.max(before.allottedStep, job.step), // the database may have forgotten that it was allotted
        committedStep: job.step,
        batchSizeLimit: batchSizeLimit.value,
        progressAt: now,
        pace: done ? before.pace : pace,
        ratePerSecond: done ? before.ratePerSecond : rate,
        batchMs: Math.max(0, now - before.progressAt),
        sweeps: 0,
        sweptAt: null,
        vain: 0,
        heldUntil: null,
        heldFor: null,
        handedBack: -1,
      };
    },
    isOwn,
    batchSizeLimit,
    get fewestWithValues() {
      return fewestWithValues;
    },
    wantWithValues(count) {
      fewestWithValues = count;
    },
    get losses() {
      return losses;
    },
  };
}
