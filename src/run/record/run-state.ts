import { RunError } from '../../errors.js';

/** Where a run stands, as it is stored. */
export type RunState =
  | 'pending'
  | 'running'
  | 'paused'
  | 'cancelled'
  | 'failed'
  | 'completed'
  | 'completed_with_failures';

/**
 * A pending run has not fixed the bound of its walk yet. Resuming a run before that makes it pending again, and so does
 * another walk.
 */
const TRANSITIONS: Readonly<Record<RunState, readonly RunState[]>> = {
  pending: ['running', 'paused', 'cancelled', 'failed'],
  running: ['pending', 'paused', 'cancelled', 'failed', 'completed', 'completed_with_failures'],
  paused: ['pending', 'running', 'cancelled'],
  failed: ['pending', 'running', 'cancelled'],
  cancelled: [],
  completed: [],
  completed_with_failures: [],
};

/** @throws {RunError} RUN_STATE unless a run may go from one state to the other. */
export function assertTransition(runId: string, from: RunState, to: RunState): void {
  const allowed = TRANSITIONS[from];
  if (allowed.includes(to)) return;
  const choice = allowed.length === 0 ? adviceAtEnd(to) : `it can become ${allowed.join(', ')}`;
  throw new RunError('RUN_STATE', runId, `Run ${runId} is ${from} and cannot become ${to}: ${choice}.`);
}

function adviceAtEnd(to: RunState): string {
  if (to === 'cancelled') return 'it has ended, and nothing is left to cancel';
  if (to === 'paused') return 'it has ended, and nothing is left to pause';
  return 'it has ended for good; request a new run, or call retryFailed if instances have failed';
}

export function isRunState(state: unknown): state is RunState {
  return typeof state === 'string' && Object.hasOwn(TRANSITIONS, state);
}

/** Whether jobs may work on a run. */
export function isWorkable(state: RunState): state is 'pending' | 'running' {
  return state === 'pending' || state === 'running';
}

/** Whether a run can still change by itself or by resume from pause. Its active key is unique while it is active. */
export function isActive(state: RunState): boolean {
  return isWorkable(state) || state === 'paused';
}

export function isComplete(state: RunState): boolean {
  return state === 'completed' || state === 'completed_with_failures';
}
