import type { DroppedKey, Run, RunHeader } from '../record/run-record.js';
import { isActive } from '../record/run-state.js';
import { fenced, type RunChange } from './run-change.js';

/**
 * Leaves keys of an active run to others. A run without any key left is cancelled. How a key is removed from a model is in
 * claim-keys, and how its values are removed in plan-instance.
 */
export function dropKeys(run: Run, keys: readonly DroppedKey[], now: number): RunChange | null {
  const { header } = run;
  const changed = isActive(header.state) ? withoutKeys(header, keys, now) : header;
  return changed === header ? null : fenced(run, changed);
}

/** The same header if none of the keys is its own. */
export function withoutKeys(header: RunHeader, keys: readonly DroppedKey[], now: number): RunHeader {
  const gone = new Set(header.droppedKeys.map(({ key }) => key));
  const own = header.definition.paths.map(({ key }) => key).filter((key) => !gone.has(key));
  const dropped = keys.filter(({ key }) => own.includes(key));
  const [last] = dropped.slice(-1);
  if (last === undefined) return header;
  // The run gives up its active key, too: it no longer does what the request for it asked for.
  const droppedKeys = [...header.droppedKeys, ...dropped];
  const changed: RunHeader = { ...header, activeKey: header.runId, droppedKeys };
  if (dropped.length < own.length) return changed;
  const taker = last.takenBy === null ? 'an update of the model' : `run ${last.takenBy}`;
  const lastError = `${taker} has taken over its last key`;
  return { ...changed, state: 'cancelled', lastError, endedAt: now };
}
