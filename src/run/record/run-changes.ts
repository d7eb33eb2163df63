import type { Cursor, InstanceSurvey } from '../../ports/repository.js';
import { newShard } from './run-definition.js';
import { isAllDone, type Run, type RunHeader, type RunShard, tallyOf } from './run-record.js';
import { assertTransition, isActive, isWorkable } from './run-state.js';
import { visited } from './tally.js';

/** New contents for some of a run's records. Revisions are the store's business. */
export interface RunChange {
  readonly header?: RunHeader;
  readonly shards?: readonly RunShard[];
}

// Each of these says what a run becomes, or null where there is nothing (left) to do: then it was done by somebody
// else, or by an earlier try whose answer was lost.

/** Fixes total and bounds, once: each shard goes from the bound of the one before to its own. */
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
    shards: bounds.map((bound, index) => ({
      ...(shards[index] ?? newShard(index, keyCount, now)),
      after: bounds[index - 1] ?? null,
      upTo: bound,
      done: bound === null,
      at: now,
    })),
  };
}

/** Allots the step after `step` to a job that is about to be enqueued. */
export function allot({ header, shards }: Run, shardIndex: number, step: number): RunChange | null {
  const shard = shards[shardIndex];
  if (!isWorkable(header.state) || shard === undefined || shard.done || shard.step !== step) return null;
  return { shards: [{ ...shard, step: step + 1 }] };
}

/** Says why a shard waits and until when, so that no sweep misses its job; unless it has changed since it was seen. */
export function hold(
  { header, shards }: Run,
  { index, revision }: Pick<RunShard, 'index' | 'revision'>,
  { until, reason }: { readonly until: number; readonly reason: string },
): RunChange | null {
  const shard = shards[index];
  if (!isWorkable(header.state) || shard?.revision !== revision) return null;
  return { shards: [{ ...shard, notBefore: until, waiting: reason.slice(0, 500) }] };
}

/** Ends the run once every shard is done. Instances that the walk never met are gone; late ones raise the total. */
export function complete(run: Run, now: number): RunChange | null {
  const { header, shards } = run;
  if (header.state !== 'running' || header.again || !isAllDone({ shards })) return null;
  const tooMany = failIfTooManyFailed(run, now);
  if (tooMany !== null) return tooMany;
  const tally = tallyOf(run);
  const state = tally.failed > 0 ? 'completed_with_failures' : 'completed';
  return { header: { ...header, state, total: Math.max(header.total ?? 0, visited(tally)), endedAt: now } };
}

/**
 * Somebody asked for the same work: the run is to go on behind its bound, also when that is not fixed yet, since its
 * first job may have counted already.
 */
export function markAgain({ header }: Run): RunChange | null {
  if (!isActive(header.state) || header.again || header.definition.limit !== null) return null;
  return { header: { ...header, again: true } };
}

/** Takes in the instances behind the bound, under a step that is allotted to the job for them. */
export function extend(
  { header, shards }: Run,
  { total, upTo }: InstanceSurvey,
  now: number,
): RunChange | null {
  if (header.state !== 'running' || !header.again || !isAllDone({ shards })) return null;
  const extended = { ...header, again: false };
  const last = shards.at(-1);
  if (upTo === null || last === undefined) return { header: extended };
  return {
    header: { ...extended, upTo, total: (header.total ?? 0) + total },
    shards: [{ ...last, upTo, done: false, step: last.step + 1, at: now }],
  };
}

/** Leaves keys to a newer request; a run without any key left is cancelled. */
export function dropKeys(run: Run, keys: ReadonlySet<string>, now: number): RunChange | null {
  const { header } = run;
  if (!isActive(header.state)) return null;
  const own = header.definition.paths.map(({ key }) => key).filter((key) => !header.dropped.includes(key));
  const dropped = own.filter((key) => keys.has(key));
  if (dropped.length === 0) return null;
  // Its claim falls, too: it no longer stands for the request that it was made for.
  const changed = { ...header, claim: header.runId, dropped: [...header.dropped, ...dropped] };
  const isEmpty = dropped.length === own.length;
  return fenced(run, isEmpty ? { ...changed, state: 'cancelled', endedAt: now } : changed);
}

export function pause(run: Run): RunChange | null {
  return run.header.state === 'paused' ? null : stopped(run, { state: 'paused' });
}

export function cancel(run: Run, now: number): RunChange | null {
  return run.header.state === 'cancelled' ? null : stopped(run, { state: 'cancelled', endedAt: now });
}

export function fail(run: Run, reason: string, now: number): RunChange | null {
  if (!isWorkable(run.header.state)) return null;
  return stopped(run, { state: 'failed', lastError: reason.slice(0, 500), endedAt: now });
}

/** Fails a run of which more instances have failed than it may bear, since it was last set going. */
export function failIfTooManyFailed(run: Run, now: number): RunChange | null {
  const { definition, forgiven } = run.header;
  const failed = tallyOf(run).failed - forgiven;
  if (definition.maxFailures === null || failed <= definition.maxFailures) return null;
  return fail(run, `${failed} instances failed, maxFailures is ${definition.maxFailures}`, now);
}

/** Sets a paused or failed run going, under a step for each open shard. */
export function resume(run: Run, now: number): RunChange | null {
  const { header, shards } = run;
  if (isWorkable(header.state)) return null;
  const state = header.total === null ? 'pending' : 'running';
  assertTransition(header.runId, header.state, state);
  return {
    header: { ...header, state, endedAt: null, lastError: null, forgiven: tallyOf(run).failed },
    shards: openShards(shards).map((shard) => ({
      ...shard,
      step: shard.step + 1,
      swept: 0,
      sweptAt: null,
      at: now,
    })),
  };
}

/** Allots a step for each open shard to a caller that works on the run itself; a failed run is set going. */
export function takeUp(run: Run, now: number): RunChange | null {
  if (run.header.state === 'failed') return resume(run, now);
  const open = openShards(run.shards);
  if (!isWorkable(run.header.state) || open.length === 0) return null;
  return { shards: open.map((shard) => ({ ...shard, step: shard.step + 1 })) };
}

/** After so many sweeps without a committed batch in between, more jobs will not help. */
const MOST_SWEEPS = 8;
const MOST_DOUBLINGS = 6;

/** Misses jobs: allots a new step to each open shard that shows no progress; fails a run that never does. */
export function sweep(run: Run, staleAfterMs: number, now: number): RunChange | null {
  const { header, shards } = run;
  if (!isWorkable(header.state)) return null;
  const open = openShards(shards);
  const stale = open.filter((shard) => isStale(shard, staleAfterMs, now));
  if (stale.length === 0) return null;
  // A shard that waits for others, which have all the workers, is no reason to give up.
  if (open.every(({ swept }) => swept >= MOST_SWEEPS)) {
    return fail(run, `stalled: ${MOST_SWEEPS} jobs in a row were enqueued, and none committed a batch`, now);
  }
  return {
    shards: stale.map((shard) => ({ ...shard, step: shard.step + 1, swept: shard.swept + 1, sweptAt: now })),
  };
}

/** Each sweep in vain doubles the patience, so that a batch slower than `staleAfterMs` still gets through. */
function isStale({ at, sweptAt, notBefore, swept }: RunShard, staleAfterMs: number, now: number): boolean {
  const idleMs = now - Math.max(at, sweptAt ?? 0, notBefore ?? 0);
  return idleMs > staleAfterMs * 2 ** Math.min(swept, MOST_DOUBLINGS);
}

function stopped(run: Run, changes: Partial<Run['header']> & Pick<Run['header'], 'state'>): RunChange {
  assertTransition(run.header.runId, run.header.state, changes.state);
  return fenced(run, { ...run.header, ...changes });
}

/** With a new revision of every open shard, which refuses each commit that is still under way. */
function fenced({ shards }: Run, header: Run['header']): RunChange {
  return { header, shards: openShards(shards) };
}

export function openShards(shards: readonly RunShard[]): RunShard[] {
  return shards.filter(({ done }) => !done);
}
