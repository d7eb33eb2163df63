import type { RunState, RunStatus, RunSummary, Verdict } from 'process-metadata-backfill';
import { time } from '../format.js';

/** What people read instead of the names of states. */
export const STATE_WORDS: Readonly<Record<RunState, string>> = {
  pending: 'Waiting for a worker',
  running: 'Running',
  paused: 'Paused',
  cancelled: 'Cancelled',
  failed: 'Failed',
  completed: 'Completed',
  completed_with_failures: 'Completed, with failures',
};

/** What a verification has found. */
export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  equal: 'Equal',
  different: 'Different',
  unknown: 'Not known',
};

export function verdictTone(verdict: Verdict | null): 'good' | 'bad' | 'still' {
  if (verdict === 'equal') return 'good';
  return verdict === 'different' ? 'bad' : 'still';
}

/** The class of the badge of a state. */
export function tone(state: RunState): 'good' | 'bad' | 'busy' | 'still' {
  if (state === 'completed') return 'good';
  if (state === 'failed' || state === 'completed_with_failures') return 'bad';
  return state === 'running' || state === 'pending' ? 'busy' : 'still';
}

export function isActive(state: RunState): boolean {
  return state === 'pending' || state === 'running' || state === 'paused';
}

export function visited(run: Pick<RunSummary, 'processed' | 'failed' | 'gone'>): number {
  return run.processed + run.failed + run.gone;
}

/** From 0 to 1. A run over no instances is done when it has ended. */
export function progress(run: Pick<RunSummary, 'processed' | 'failed' | 'gone' | 'total' | 'state'>): number {
  if (run.total > 0) return Math.min(1, visited(run) / run.total);
  return run.state === 'completed' ? 1 : 0;
}

type Purpose = Pick<RunSummary, 'dryRun' | 'selected' | 'limit' | 'paths'>;

/** What a run does, in few words. */
export function purpose({ dryRun, selected, limit, paths }: Purpose): string {
  if (dryRun) return 'Verification';
  if (paths.every(({ mode }) => mode === 'remove')) return 'Purge';
  const scope =
    selected !== null ? ` of ${selected} chosen instances` : limit !== null ? ` of ${limit} instances` : '';
  return `${paths.some(({ mode }) => mode === 'overwrite') ? 'Recomputation' : 'Backfill'}${scope}`;
}

/** Why the run waits and until when. */
export function waitingText({ for: cause, reason, until }: NonNullable<RunStatus['waiting']>): string {
  const end = `until ${time(until)}`;
  if (cause === 'startAfter') return `It was requested to start later: it waits ${end}.`;
  if (cause === 'settled') return `It waits ${end} for ${reason}.`;
  if (cause === 'retry') return `It waits ${end} to try again: ${reason}`;
  return `It is held back ${end}: ${reason}`;
}
