import type { SafePoint } from '../../errors.js';
import { ignoreErrors } from '../../input/ignore-errors.js';
import type { Runtime } from '../../ports/runtime.js';
import { lastProgressOf } from './run-counts.js';
import { type Run, type RunShard, tallyOf, totalOf } from './run-record.js';
import { isWorkable, type RunState } from './run-state.js';
import { visited } from './tally.js';

/** A plain snapshot of a run, as `onProgress` gets it. */
export interface BackfillProgress extends RunPace {
  readonly runId: string;
  readonly processModelId: string;
  readonly state: RunState;
  readonly processed: number;
  readonly total: number;
  readonly updated: number;
  readonly failed: number;
  readonly gone: number;
  /** Processed, failed and gone instances: how far the walk has come. */
  readonly visited: number;
  /** Why nothing moves at the moment, or `null`. */
  readonly waiting: Waiting | null;
}

/** Why a run or a shard does nothing for a while. */
export interface Waiting {
  readonly for: 'startAfter' | 'throttle' | 'retry' | 'settled';
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** How fast a run goes. */
export interface RunPace {
  /**
   * Instances per second of all shards, over about the last half of the walk. Includes holds of up to a minute. At most
   * `maxInstancesPerSecond` for each open shard. 0 before the first batch, and once the worker of each shard seems to be
   * dead: see `lastProgressAt`.
   */
  readonly ratePerSecond: number;
  /** Milliseconds left of this walk at that rate. A walk that follows is not in it. `null` while there is no rate. */
  readonly etaMs: number | null;
  /**
   * The time of the last committed batch, or of a later resume or walk, in milliseconds since the epoch. `null` before the first
   * batch.
   */
  readonly lastProgressAt: number | null;
}

/** A shard without a commit for longer than both of these has no rate: its worker seems to be dead. */
const LATE_MS = 10_000;
const LATE_BATCHES = 5;

export function paceOf({ header, shards }: Run, now: number): RunPace {
  const active = isWorkable(header.state) && shards.some(({ done }) => !done) ? shards : [];
  const moving = active.filter(({ progressAt, heldUntil, batchMs }) => {
    const idleMs = now - Math.max(progressAt, heldUntil ?? 0);
    return idleMs <= Math.max(LATE_MS, LATE_BATCHES * (batchMs ?? 0));
  });
  const [latest] = moving
    .filter(({ ratePerSecond }) => ratePerSecond !== null)
    .toSorted((a, b) => b.progressAt - a.progressAt);
  const ratePerSecond = latest?.ratePerSecond ?? 0;
  const left = Math.max(0, (header.total ?? 0) - visited(tallyOf({ header, shards })));
  const heldMs = Math.max(0, ...moving.map(({ heldUntil }) => (heldUntil ?? 0) - now));
  return {
    ratePerSecond,
    etaMs: ratePerSecond > 0 ? Math.round((left * 1000) / ratePerSecond + heldMs) : null,
    lastProgressAt: lastProgressOf(shards),
  };
}

interface ProgressSources {
  readonly runtime: Runtime;
  /** `null`: nobody looks. */
  readonly onProgress: ((progress: BackfillProgress) => unknown) | null;
}

/** Follows a run through the jobs of one call: reports each change to `onProgress`, and to errors how far the run had come. */
export interface ProgressWatch {
  readonly runId: string;
  /** A job has loaded or changed the run. Of each record, the newest one that any job has seen is shown. */
  see(run: Run): void;
  /** The run waits for this reason. `null`: the wait is over. */
  onWait(waiting: BackfillProgress['waiting']): void;
  /** How far the run had come when a job last saw it. */
  progress(): SafePoint;
}

export function watchProgress(runId: string, { runtime, onProgress }: ProgressSources): ProgressWatch {
  let latest: Run | null = null;

  function report(waiting: BackfillProgress['waiting']): void {
    if (latest === null || onProgress === null) return;
    const snapshot = progressOf(latest, waiting, runtime.now());
    ignoreErrors(() => onProgress(snapshot)); // a failing display does not stop the work that it displays
  }

  return {
    runId,
    progress: () => ({
      visited: latest === null ? 0 : visited(tallyOf(latest)),
      total: latest === null ? 0 : totalOf(latest),
    }),
    see(run) {
      latest = latest === null ? run : newest(latest, run);
      report(null);
    },
    onWait: report,
  };
}

function progressOf(run: Run, waiting: BackfillProgress['waiting'], now: number): BackfillProgress {
  const { runId, processModelId, state } = run.header;
  const tally = tallyOf(run);
  const { processed, updated, failed, gone } = tally;
  return {
    runId,
    processModelId,
    state,
    processed,
    total: totalOf(run),
    updated,
    failed,
    gone,
    visited: visited(tally),
    ...paceOf(run, now),
    waiting,
  };
}

function newest(a: Run, b: Run): Run {
  const newer = <Record extends { readonly changes: number }>(x: Record, y: Record | undefined): Record =>
    y === undefined || x.changes > y.changes ? x : y;
  const [long, short] = a.shards.length > b.shards.length ? [a, b] : [b, a];
  return {
    header: newer(a.header, b.header),
    shards: long.shards.map((shard, index): RunShard => newer(shard, short.shards[index])),
  };
}
