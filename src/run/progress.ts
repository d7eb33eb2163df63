import type { SafePoint } from '../errors.js';
import type { Runtime } from '../ports/runtime.js';
import { type Run, tallyOf } from './run-record.js';
import type { RunState } from './run-state.js';
import { visited } from './tally.js';

/** A plain snapshot of a run, as `onProgress` gets it. */
export interface BackfillProgress {
  readonly runId: string;
  readonly processModelId: string;
  readonly state: RunState;
  readonly processed: number;
  readonly total: number;
  readonly updated: number;
  readonly failed: number;
  readonly gone: number;
  /** Processed, failed and gone: how far the walk has come. */
  readonly visited: number;
  /** Instances a second since this job started; 0 until it has committed a batch. */
  readonly ratePerSecond: number;
  /** Milliseconds to go at that rate, `null` while there is none. */
  readonly etaMs: number | null;
  /** Why nothing moves at the moment, or `null`. */
  readonly waiting: {
    readonly for: 'throttle' | 'retry';
    readonly reason: string;
  } | null;
}

interface ProgressSources {
  readonly runtime: Runtime;
  onProgress(progress: BackfillProgress): void;
}

/** Follows one job: tells `onProgress` of each change, and errors how far the run had come. */
export interface ProgressWatch {
  readonly runId: string;
  /** The run has changed. */
  see(run: Run): void;
  /** Nothing moves for this reason; `null`: it goes on. */
  onWait(reason: string | null): void;
  /** How far the run had come when it was seen last. */
  progress(): SafePoint;
}

export function watchProgress(runId: string, { runtime, onProgress }: ProgressSources): ProgressWatch {
  let latest: Run | null = null;
  let first: { readonly at: number; readonly visited: number } | null = null;

  function tell(waiting: BackfillProgress['waiting']): void {
    if (latest === null) return;
    const snapshot = progressOf(latest, waiting, runtime.now());
    try {
      onProgress(snapshot);
    } catch {
      // A display that fails is no reason to stop the work that it displays.
    }
  }

  function progressOf(run: Run, waiting: BackfillProgress['waiting'], now: number): BackfillProgress {
    const tally = tallyOf(run);
    const met = visited(tally);
    first ??= { at: now, visited: met };
    const ratePerSecond = now > first.at ? ((met - first.visited) * 1000) / (now - first.at) : 0;
    const total = run.header.total ?? 0;
    const etaMs = ratePerSecond > 0 ? Math.round((Math.max(0, total - met) * 1000) / ratePerSecond) : null;
    const { processModelId, state } = run.header;
    const { processed, updated, failed, gone } = tally;
    return {
      runId,
      processModelId,
      state,
      processed,
      total,
      updated,
      failed,
      gone,
      visited: met,
      ratePerSecond,
      etaMs,
      waiting,
    };
  }

  return {
    runId,
    progress: () => ({
      processed: latest === null ? 0 : visited(tallyOf(latest)),
      total: latest?.header.total ?? 0,
    }),
    see(run) {
      latest = run;
      tell(null);
    },
    onWait(reason) {
      if (reason !== null) tell({ for: 'retry', reason });
    },
  };
}
