import { oneLine } from '../../input/one-line.js';
import type { Cursor, InstanceSurvey } from '../../ports/repository.js';
import { newPace, type Pace } from './pace.js';
import { newShard } from './run-definition.js';
import { isAllDone, type Run, type RunHeader, type RunShard, tallyOf } from './run-record.js';
import { assertTransition, isActive, isWorkable } from './run-state.js';
import { visited } from './tally.js';

/** New contents for some records of a run. The store sets the revisions. */
export interface RunChange {
  readonly header?: RunHeader;
  readonly shards?: readonly RunShard[];
}

// Each function below says what a run becomes, or null where nothing is left to do. Then somebody else did it, or an
// earlier try whose answer was lost.

/** Fixes total and bounds, once. Each shard goes from the bound of the shard before it to its own bound. */
export function freeze(
  { header, shards }: Run,
  { total, upTo }: InstanceSurvey,
  bounds: readonly (Cursor | null)[],
  now: number,
): RunChange | null {
  if (header.state !== 'pending') return null;
  const keyCount = header.definition.paths.length;
  return {
    header: { ...header, state: 'running', total, upTo, startedAt: header.startedAt ?? now },
    shards: bounds.map(
      (bound, index): RunShard => ({
        ...(shards[index] ?? newShard(index, keyCount, now)),
        after: bounds[index - 1] ?? null,
        upTo: bound,
        done: bound === null,
        progressAt: now,
        pace: newPace(0, now),
      }),
    ),
  };
}

/** Allots the step after `step` to a job that is about to be enqueued. */
export function allot({ header, shards }: Run, shardIndex: number, step: number): RunChange | null {
  const shard = shards[shardIndex];
  if (!isWorkable(header.state) || shard === undefined || shard.done) return null;
  // It may be less: the database may have forgotten that the step was allotted.
  return shard.allottedStep <= step ? { shards: [{ ...shard, allottedStep: step + 1 }] } : null;
}

/** Stores a shard as it is, under its next revision: the proof that the repository takes commits. */
export function touch({ header, shards }: Run, shardIndex: number): RunChange | null {
  const shard = shards[shardIndex];
  return !isWorkable(header.state) || shard === undefined || shard.done ? null : { shards: [shard] };
}

/** Says why and until when a shard is held, so that no sweep takes its job for lost. Not if it has changed since. */
export function hold(
  { header, shards }: Run,
  { index, revision }: Pick<RunShard, 'index' | 'revision'>,
  { until, reason }: { readonly until: number; readonly reason: string },
): RunChange | null {
  const shard = shards[index];
  if (!isWorkable(header.state) || shard?.revision !== revision) return null;
  return { shards: [{ ...shard, heldUntil: until, heldFor: oneLine(reason, 500) }] };
}

/** Ends the run once every shard is done. Instances that the walk never met are gone. Late ones raise the total. */
export function complete(run: Run, now: number): RunChange | null {
  const { header, shards } = run;
  if (header.state !== 'running' || header.walkAgain || !isAllDone({ shards })) return null;
  const tooMany = failIfTooManyFailed(run, now);
  if (tooMany !== null) return tooMany;
  const tally = tallyOf(run);
  const state = tally.failed > 0 ? 'completed_with_failures' : 'completed';
  return { header: { ...header, state, total: Math.max(header.total ?? 0, visited(tally)), endedAt: now } };
}

/**
 * Somebody asked for the same work, so the run goes on behind its bound. This is noted even before the bound is fixed:
 * the first job may have counted already.
 */
export function markWalkAgain({ header }: Run): RunChange | null {
  if (!isActive(header.state) || header.walkAgain || header.definition.limit !== null) return null;
  return { header: { ...header, walkAgain: true } };
}

/** Takes in the instances behind the bound, under a step that is allotted to the job for them. */
export function extend(
  { header, shards }: Run,
  { total, upTo }: InstanceSurvey,
  now: number,
): RunChange | null {
  if (header.state !== 'running' || !header.walkAgain || !isAllDone({ shards })) return null;
  const extended: RunHeader = { ...header, walkAgain: false };
  const last = shards.at(-1);
  if (upTo === null || last === undefined) return { header: extended };
  return {
    header: { ...extended, upTo, total: (header.total ?? 0) + total },
    shards: [{ ...withNextStep(last), upTo, done: false, progressAt: now, pace: paceFrom(last, now) }],
  };
}

/** Leaves keys to a newer run. A run without any key left is cancelled. */
export function dropKeys(
  run: Run,
  keys: ReadonlySet<string>,
  takenBy: string,
  now: number,
): RunChange | null {
  const { header } = run;
  if (!isActive(header.state)) return null;
  const gone = new Set(header.droppedKeys.map(({ key }) => key));
  const own = header.definition.paths.map(({ key }) => key).filter((key) => !gone.has(key));
  const dropped = own.filter((key) => keys.has(key));
  if (dropped.length === 0) return null;
  // The run gives up its active key, too: it no longer does what the request for it asked for.
  const droppedKeys = [...header.droppedKeys, ...dropped.map((key) => ({ key, takenBy }))];
  const changed: RunHeader = { ...header, activeKey: header.runId, droppedKeys };
  if (dropped.length < own.length) return fenced(run, changed);
  const lastError = `run ${takenBy} has taken over its last key`;
  return fenced(run, { ...changed, state: 'cancelled', lastError, endedAt: now });
}

export function pause(run: Run): RunChange | null {
  return run.header.state === 'paused' ? null : stopped(run, { state: 'paused' });
}

export function cancel(run: Run, now: number): RunChange | null {
  return run.header.state === 'cancelled' ? null : stopped(run, { state: 'cancelled', endedAt: now });
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
  return fail(run, `${failed} instances failed, maxFailures is ${definition.maxFailures}`, now);
}

/** Resumes a paused or failed run, under a new step for each open shard. */
export function resume(run: Run, now: number): RunChange | null {
  const { header, shards } = run;
  if (isWorkable(header.state)) return null;
  const state = header.total === null ? 'pending' : 'running';
  assertTransition(header.runId, header.state, state);
  return {
    header: { ...header, state, endedAt: null, lastError: null, forgivenFailures: tallyOf(run).failed },
    shards: openShards(shards).map(
      (shard): RunShard => ({
        ...withNextStep(shard),
        sweeps: 0,
        sweptAt: null,
        progressAt: now,
        pace: paceFrom(shard, now),
      }),
    ),
  };
}

/** Allots a step for each open shard to a caller that works on the run itself. A failed run is resumed. */
export function takeUp(run: Run, now: number): RunChange | null {
  if (run.header.state === 'failed') return resume(run, now);
  const open = openShards(run.shards);
  if (!isWorkable(run.header.state) || open.length === 0) return null;
  return { shards: open.map(withNextStep) };
}

/** After this many sweeps without a committed batch in between, another job will not help. */
const MOST_SWEEPS = 8;
const MOST_DOUBLINGS = 6;

/** Allots a new step to each open shard that shows no progress. Fails a run that never shows any. */
export function sweep(run: Run, staleAfterMs: number, now: number): RunChange | null {
  const { header, shards } = run;
  if (!isWorkable(header.state)) return null;
  const open = openShards(shards);
  const stale = open.filter((shard) => isStale(shard, staleAfterMs, now));
  if (stale.length === 0) return null;
  // One shard may wait for a worker while other shards occupy all of them. That is no reason to give up.
  if (open.every(({ sweeps }) => sweeps >= MOST_SWEEPS)) {
    return fail(run, `stalled: ${MOST_SWEEPS} jobs in a row were enqueued, and none committed a batch`, now);
  }
  return {
    shards: stale.map(
      (shard): RunShard => ({
        ...withNextStep(shard),
        sweeps: shard.sweeps + 1,
        sweptAt: now,
        pace: paceFrom(shard, now),
      }),
    ),
  };
}

/** Each sweep without effect doubles the patience, so that a batch slower than `staleAfterMs` still gets through. */
function isStale(
  { progressAt, sweptAt, heldUntil, sweeps }: RunShard,
  staleAfterMs: number,
  now: number,
): boolean {
  const idleMs = now - Math.max(progressAt, sweptAt ?? 0, heldUntil ?? 0);
  return idleMs > staleAfterMs * 2 ** Math.min(sweeps, MOST_DOUBLINGS);
}

/** The time until now does not count for the rate. */
function paceFrom({ tally }: RunShard, now: number): Pace {
  return newPace(visited(tally), now);
}

function withNextStep(shard: RunShard): RunShard {
  return { ...shard, allottedStep: shard.allottedStep + 1 };
}

function stopped(run: Run, changes: Partial<RunHeader> & Pick<RunHeader, 'state'>): RunChange {
  assertTransition(run.header.runId, run.header.state, changes.state);
  return fenced(run, { ...run.header, ...changes });
}

/** Gives every open shard a new revision, which refuses each commit that is still under way. */
function fenced({ shards }: Run, header: RunHeader): RunChange {
  return { header, shards: openShards(shards) };
}

export function openShards(shards: readonly RunShard[]): RunShard[] {
  return shards.filter(({ done }) => !done);
}
