import { type Requester, type Run, tallyOf, totalOf } from './run-record.js';
import type { RunState } from './run-state.js';
import { type Verdict, verdictOf } from './verdict.js';

/** One stored change of a run's state, as the diagnostics channel {@link RUN_CHANNEL} publishes it. Plain JSON. */
export interface RunChangeMessage extends Requester {
  readonly runId: string;
  readonly processModelId: string;
  /** Whether it is a stored dry run, such as a verification. It writes nothing, and `updated` counts what it would write. */
  readonly dryRun: boolean;
  readonly from: RunState;
  /** From `running` to `pending`: the run walks once more, because the walk before may have missed instances. */
  readonly to: RunState;
  /** Identifies the change. No other change has it, so a collector can recognise a message that it already has. */
  readonly revision: string;
  /** When the process decided on it, in milliseconds since the epoch. */
  readonly at: number;
  /** How many instances the walk covers. 0 until they are counted. */
  readonly total: number;
  readonly processed: number;
  readonly updated: number;
  readonly failed: number;
  readonly gone: number;
  /** Of a dry run: whether it has found differences, as `service.status` shows it. `null` for other runs. */
  readonly verdict: Verdict | null;
  readonly lastError: string | null;
  /** Who paused, resumed or cancelled the run by this change. For every other change: who requested the run. */
  readonly requestedBy: string | null;
  readonly reason: string | null;
}

/** Two states of a stored run, one right after the other. */
export interface StateChange {
  readonly before: Run;
  readonly after: Run;
  readonly at: number;
}

export function messageOf({ before, after, at }: StateChange): RunChangeMessage {
  const { runId, processModelId, definition, state, revision, lastError, lastControl } = after.header;
  const { processed, updated, failed, gone } = tallyOf(after);
  const isControlled = lastControl !== null && lastControl !== before.header.lastControl;
  const { requestedBy, reason } = isControlled ? lastControl : after.header;
  const total = totalOf(after);
  const [from, to] = [before.header.state, state];
  const { dryRun } = definition;
  const counts = { total, processed, updated, failed, gone, verdict: dryRun ? verdictOf(after) : null };
  const run = { runId, processModelId, dryRun };
  return { ...run, from, to, revision, at, ...counts, lastError, requestedBy, reason };
}
