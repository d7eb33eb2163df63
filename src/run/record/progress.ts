import type { SafePoint } from '../../errors.js';
import type { Runtime } from '../../ports/runtime.js';
import { type Run, type RunShard, tallyOf } from './run-record.js';
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
  readonly waiting: {
    readonly for: 'throttle' | 'retry';
    readonly reason: string;
  } | null;
}

/** How fast a run goes. */
export interface RunPace {
  /** Instances per second of all shards, over about ten seconds. 0 once no shard has committed a batch for a minute. */
  readonly ratePerSecond: number;
  /** Milliseconds left at that rate. `null` while there is no rate. */
  readonly etaMs: number | null;
}

/** A shard that has committed nothing for longer does not count for the rate. */
const LATE_MS = 60_000;

export function paceOf({ header, shards }: Run, now: number): RunPace {
  const isMoving = ({ done, progressAt }: RunShard) =>
    isWorkable(header.state) && !done && now - progressAt <= LATE_MS;
  const ratePerSecond = shards.filter(isMoving).reduce((sum, shard) => sum + (shard.ratePerSecond ?? 0), 0);
  const left = (header.total ?? 0) - visited(tallyOf({ header, shards }));
  const etaMs = ratePerSecond > 0 ? Math.round((Math.max(0, left) * 1000) / ratePerSecond) : null;
  return { ratePerSecond, etaMs };
}

interface ProgressSources {
  readonly runtime: Runtime;
  onProgress(progress: BackfillProgress): void;
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
    if (latest === null) return;
    const snapshot = progressOf(latest, waiting, runtime.now());
    try {
      onProgress(snapshot);
    } catch {
      // A failing display does not stop the work that it displays.
    }
  }

  return {
    runId,
    progress: () => ({
      visited: latest === null ? 0 : visited(tallyOf(latest)),
      total: latest?.header.total ?? 0,
    }),
    see(run) {
      latest = latest === null ? run : newest(latest, run);
      report(null);
    },
    onWait: report,
  };
}

function progressOf(run: Run, waiting: BackfillProgress['waiting'], now: number): BackfillProgress {
  const { runId, processModelId, state, total } = run.header;
  const tally = tallyOf(run);
  const { processed, updated, failed, gone } = tally;
  return {
    runId,
    processModelId,
    state,
    processed,
    total: total ?? 0,
    updated,
    failed,
    gone,
    visited: visited(tally),
    ...paceOf(run, now),
    waiting,
  };
}

function newest(a: Run, b: Run): Run {
  const newer = <Record extends { readonly revision: number }>(x: Record, y: Record | undefined): Record =>
    y === undefined || x.revision > y.revision ? x : y;
  const [long, short] = a.shards.length > b.shards.length ? [a, b] : [b, a];
  return {
    header: newer(a.header, b.header),
    shards: long.shards.map((shard, index): RunShard => newer(shard, short.shards[index])),
  };
}
