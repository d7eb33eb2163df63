import { oneLine } from '../../input/one-line.js';
import { type Requester, type Run, type RunHeader, tallyOf } from '../record/run-record.js';
import { assertTransition, isWorkable } from '../record/run-state.js';
import { fenced, type RunChange } from './run-change.js';

export function pause(run: Run, requester: Requester, now: number): RunChange | null {
  if (run.header.state === 'paused') return null;
  return stopped(run, { state: 'paused', lastControl: { action: 'pause', ...requester, at: now } });
}

export function cancel(run: Run, requester: Requester, now: number): RunChange | null {
  if (run.header.state === 'cancelled') return null;
  const lastControl = { action: 'cancel', ...requester, at: now } as const;
  return stopped(run, { state: 'cancelled', endedAt: now, lastControl });
}

export function fail(run: Run, reason: string, now: number): RunChange | null {
  if (!isWorkable(run.header.state)) return null;
  return stopped(run, { state: 'failed', lastError: oneLine(reason, 500), endedAt: now });
}

/** Fails a run in which more than `maxFailures` instances have failed since its last resume. */
export function failIfTooManyFailed(run: Run, now: number): RunChange | null {
  const { definition, forgivenFailures } = run.header;
  const failed = tallyOf(run).failed - forgivenFailures;
  if (definition.maxFailures === null || failed <= definition.maxFailures) return null;
  return fail(
    run,
    `${failed} ${failed === 1 ? 'instance' : 'instances'} failed, maxFailures is ${definition.maxFailures}`,
    now,
  );
}

function stopped(run: Run, changes: Partial<RunHeader> & Pick<RunHeader, 'state'>): RunChange {
  assertTransition(run.header.runId, run.header.state, changes.state);
  return fenced(run, { ...run.header, ...changes });
}
