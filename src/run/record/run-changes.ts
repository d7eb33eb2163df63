import { oneLine } from '../../input/one-line.js';
import type { Cursor, InstanceSurvey } from '../../ports/repository.js';
import { newPace, type Pace } from './pace.js';
import { isFill, isTrial, newShard, UNSETTLED } from './run-definition.js';
import { isAllDone, type Run, type RunHeader, type RunShard, tallyOf } from './run-record.js';
import { assertTransition, isActive, isWorkable } from './run-state.js';
import { tallyOfNextWalk, visited } from './tally.js';

/** New contents for some records of a run. The store sets the revisions. */
export interface RunChange {
  readonly header?: RunHeader;
  readonly shards?: readonly RunShard[];
}

// Each function below says what a run becomes, or null where nothing is left to do. Then somebody else did it, or an
// earlier try whose answer was lost.

/** What the first job of a walk knows about the transactions that may still insert instances. */
export interface Settling {
  readonly mark: string | null;
  readonly settled: boolean | null;
}

/** Holds the freeze until the transactions of the mark have ended. Not if the run has changed since it was seen. */
export function holdFreeze(
  { header, shards }: Run,
  seen: RunHeader,
  shard: RunShard,
  { mark, since, until }: { readonly mark: string; readonly since: number; readonly until: number },
): RunChange | null {
  if (header.revision !== seen.revision || shards[shard.index]?.revision !== shard.revision) return null;
  return {
    header: { ...header, mark, markedAt: since },
    shards: [{ ...shard, heldUntil: until, heldFor: UNSETTLED }],
  };
}

/**
 * Fixes total and bounds, once per walk. Each shard goes from the bound of the shard before it to its own bound. Not if
 * the header has changed since the survey: who has joined since may know of instances that the survey lacks.
 */
export function freeze(
  { header, shards }: Run,
  surveyed: RunHeader,
  { mark, settled }: Settling,
  { total, upTo }: InstanceSurvey,
  bounds: readonly (Cursor | null)[],
  now: number,
): RunChange | null {
  if (header.state !== 'pending' || header.revision !== surveyed.revision) return null;
  const keyCount = header.definition.paths.length;
  return {
    header: {
      ...header,
      state: 'running',
      total,
      upTo,
      mark: settled === false ? mark : null,
      settled,
      walkAgain: mustWalkAgain(header, settled),
      startedAt: header.startedAt ?? now,
    },
    shards: bounds.map(
      (bound, index): RunShard => ({
        ...frozenShard(shards[index], index, keyCount, now),
        after: bounds[index - 1] ?? null,
        upTo: bound,
        done: bound === null,
        progressAt: now,
        pace: newPace(0, now),
        heldUntil: null,
        heldFor: null,
      }),
    ),
  };
}

/** The job that freezes is of the first shard. The others get a new job each. */
function frozenShard(shard: RunShard | undefined, index: number, keyCount: number, now: number): RunShard {
  if (shard === undefined) return newShard(index, keyCount, now);
  return index === 0 ? shard : withNextStep(shard);
}

const MOST_WALKS = 3;

/** Whether a walk that is frozen like this must be followed by another one. An unsettled walk: once per run. */
function mustWalkAgain(
  { definition, walk, settled: before }: RunHeader,
  settled: RunHeader['settled'],
): boolean {
  if (settled === true || !mayWalkAgain({ definition, walk })) return false;
  return settled === false ? before !== false : walk === 1 && isFill(definition);
}

function mayWalkAgain({ definition, walk }: Pick<RunHeader, 'definition' | 'walk'>): boolean {
  return walk < MOST_WALKS && !isTrial(definition);
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

/**
 * Ends the run once every shard is done, or begins its next walk. Instances that the walk never met are gone. Late ones
 * raise the total.
 */
export function complete(run: Run, now: number): RunChange | null {
  const { header, shards } = run;
  if (header.state !== 'running' || !isAllDone({ shards })) return null;
  const tooMany = failIfTooManyFailed(run, now);
  if (tooMany !== null) return tooMany;
  if (header.walkAgain) return beginNextWalk(run, now);
  const tally = tallyOf(run);
  const state = tally.failed > 0 ? 'completed_with_failures' : 'completed';
  return { header: { ...header, state, total: Math.max(header.total ?? 0, visited(tally)), endedAt: now } };
}

/**
 * The run is as before its freeze, with the first shard under a step that is allotted to the job that will freeze it. Each
 * shard gets one commit more and no committer, so that no job of the walk before takes its checkpoint for its own.
 */
function beginNextWalk({ header, shards }: Run, now: number): RunChange {
  return {
    header: {
      ...header,
      state: 'pending',
      walk: header.walk + 1,
      total: null,
      upTo: null,
      markedAt: null,
      walkAgain: false,
      forgivenFailures: 0,
    },
    shards: shards.map(
      (shard): RunShard => ({
        ...(shard.index === 0 ? withNextStep(shard) : shard),
        commits: shard.commits + 1,
        committedBy: null,
        done: shard.index !== 0,
        behind: [],
        after: null,
        upTo: null,
        tally: tallyOfNextWalk(shard.tally),
        progressAt: now,
        sweeps: 0,
        sweptAt: null,
        heldUntil: null,
        heldFor: null,
      }),
    ),
  };
}

/**
 * An equal request wants the run to cover the instances of now. Before the freeze, this refuses a survey that was made
 * already. After it, the run walks once more. After the last possible freeze, nothing changes.
 */
export function join({ header }: Run): RunChange | null {
  if (!isActive(header.state)) return null;
  const joined: RunHeader = { ...header, mark: null };
  if (header.total === null) return { header: joined };
  if (!mayWalkAgain(header) || (header.walkAgain && header.mark === null)) return null;
  return { header: { ...joined, walkAgain: true } };
}

/** Whether a run that was joined covers the instances of now. */
export function isCovering({ header }: Run): boolean {
  return isActive(header.state) && (header.total === null || header.walkAgain);
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
