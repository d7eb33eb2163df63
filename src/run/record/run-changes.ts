import { oneLine } from '../../input/one-line.js';
import type { Cursor, InstanceSurvey } from '../../ports/repository.js';
import { outdatedKeys } from './claim-keys.js';
import type { OwnedKey } from './owner-record.js';
import { newPace, type Pace } from './pace.js';
import { isFill, isTrial, newShard, START_AFTER, UNSETTLED } from './run-definition.js';
import {
  type DroppedKey,
  isAllDone,
  isHeld,
  type Run,
  type RunHeader,
  type RunShard,
  tallyOf,
} from './run-record.js';
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
    shards: [{ ...shard, heldUntil: until, heldFor: UNSETTLED, handedBack: -1 }],
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

/** Allots a step to an early job, which goes back to the queue. Once per hold: a runner may ignore every delay. */
export function handBack(
  { header, shards }: Run,
  shardIndex: number,
  step: number,
  now: number,
): RunChange | null {
  const shard = shards[shardIndex];
  if (!isWorkable(header.state) || shard === undefined || shard.done) return null;
  if (!isHeld(shard, now) || step <= shard.handedBack) return null;
  const next = Math.max(shard.allottedStep, step) + 1; // the database may have forgotten that `step` was allotted
  return { shards: [{ ...shard, allottedStep: next, handedBack: next }] };
}

/**
 * Notes that the job of a swept shard has begun, so that a sweep without a worker is not taken for one in vain. Notes a step
 * that the database has forgotten, so that no other job gets it.
 */
export function markStarted({ header, shards }: Run, shardIndex: number, step: number): RunChange | null {
  const shard = shards[shardIndex];
  if (!isWorkable(header.state) || shard === undefined || shard.done) return null;
  const allottedStep = Math.max(shard.allottedStep, step); // the database may have forgotten that it was allotted
  const isSwept = shard.sweeps > 0 && shard.started < step;
  if (!isSwept && allottedStep === shard.allottedStep) return null;
  return { shards: [{ ...shard, allottedStep, started: isSwept ? step : shard.started }] };
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
  return { shards: [{ ...shard, heldUntil: until, heldFor: oneLine(reason, 500), handedBack: -1 }] };
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
  return fenced(run, { ...header, state, total: Math.max(header.total ?? 0, visited(tally)), endedAt: now });
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
        vain: 0,
        heldUntil: null,
        heldFor: null,
      }),
    ),
  };
}

/** Adds an equal request to the run: it is to cover the instances of now, and to start when the request wants it. */
export function join(run: Run, startAfter: number | null, now: number): RunChange | null {
  if (!isActive(run.header.state)) return null;
  const header = coveringNow(run.header);
  const shards = calledFor(run, startAfter, now);
  return header === null && shards.length === 0 ? null : { ...(header === null ? {} : { header }), shards };
}

/**
 * Before the freeze, the change refuses a survey that was made already. After it, the run walks once more. After the last
 * possible freeze, nothing changes.
 */
function coveringNow(header: RunHeader): RunHeader | null {
  const joined: RunHeader = { ...header, mark: null };
  if (header.total === null) return joined;
  if (!mayWalkAgain(header) || (header.walkAgain && header.mark === null)) return null;
  return { ...joined, walkAgain: true };
}

/**
 * The first shard of a run that has not begun, as an equal request wants it. The earlier start wins. A job that is due has
 * a new step: the runner may have given the job before up, and may keep its key.
 */
function calledFor({ header, shards }: Run, startAfter: number | null, now: number): RunShard[] {
  const [first] = shards;
  if (header.total !== null || first === undefined) return [];
  if (!isHeld(first, now)) return isWorkable(header.state) ? [withNextStep(first)] : [];
  if (first.heldFor !== START_AFTER || (startAfter ?? now) >= (first.heldUntil ?? 0)) return [];
  const sooner: RunShard = { ...first, heldUntil: startAfter ?? now, handedBack: -1 };
  return [isWorkable(header.state) ? withNextStep(sooner) : sooner];
}

/** Whether a run that was joined covers the instances of now. */
export function isCovering({ header }: Run): boolean {
  return isActive(header.state) && (header.total === null || header.walkAgain);
}

/** Leaves keys of an active run to others. A run without any key left is cancelled. */
export function dropKeys(run: Run, keys: readonly DroppedKey[], now: number): RunChange | null {
  const { header } = run;
  const changed = isActive(header.state) ? withoutKeys(header, keys, now) : header;
  return changed === header ? null : fenced(run, changed);
}

function withoutKeys(header: RunHeader, keys: readonly DroppedKey[], now: number): RunHeader {
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

/** Who makes a run go on, and whether with a queue. */
export interface GoOn {
  readonly now: number;
  readonly hasQueue: boolean;
}

/**
 * Resumes a run that is paused, failed or without a queue, under a new step for each open shard. It has lost the keys that
 * others have by now.
 */
export function resume(run: Run, keys: readonly OwnedKey[], { now, hasQueue }: GoOn): RunChange | null {
  const { header, shards } = run;
  const state = header.total === null ? 'pending' : 'running';
  if (!isWorkable(header.state)) assertTransition(header.runId, header.state, state);
  else if (header.hasQueue || !hasQueue) return null;
  const resumed: RunHeader = {
    ...header,
    state,
    hasQueue: header.hasQueue || hasQueue,
    endedAt: null,
    lastError: null,
    forgivenFailures: tallyOf(run).failed,
  };
  const changed = withoutKeys(resumed, outdatedKeys(header, keys), now);
  if (!isWorkable(changed.state)) return fenced(run, changed);
  return {
    header: changed,
    shards: shards.map(
      (shard): RunShard =>
        shard.done
          ? shard
          : {
              ...withNextStep(shard),
              sweeps: 0,
              sweptAt: null,
              vain: 0,
              progressAt: now,
              pace: paceFrom(shard, now),
            },
    ),
  };
}

/** Allots a step for each open shard to a caller that works on the run itself. A failed run is resumed. */
export function takeUp(run: Run, keys: readonly OwnedKey[], goOn: GoOn): RunChange | null {
  const { state, hasQueue } = run.header;
  if (state === 'failed' || (isWorkable(state) && goOn.hasQueue && !hasQueue)) return resume(run, keys, goOn);
  const open = openShards(run.shards);
  if (!isWorkable(state) || open.length === 0) return null;
  return { shards: run.shards.map((shard) => (shard.done ? shard : withNextStep(shard))) };
}

/** After this many jobs that began and committed no batch, another one will not help. */
const MOST_VAIN = 8;
const MOST_DOUBLINGS = 6;

/** Allots a new step to each open shard that shows no progress. Fails a run that never shows any. */
export function sweep(run: Run, staleAfterMs: number, now: number): RunChange | null {
  const { header, shards } = run;
  if (!isWorkable(header.state)) return null;
  const open = openShards(shards);
  const stale = open.filter((shard) => isStale(shard, staleAfterMs, now));
  if (stale.length === 0) return null;
  // One shard may wait for a worker while other shards occupy all of them. That is no reason to give up.
  if (open.every(({ vain }) => vain >= MOST_VAIN)) {
    return fail(run, `stalled: ${MOST_VAIN} jobs in a row began, and none committed a batch`, now);
  }
  return {
    shards: stale.map(
      (shard): RunShard => ({
        ...withNextStep(shard),
        sweeps: shard.sweeps + 1,
        vain: shard.vain + (hasBegunInVain(shard) ? 1 : 0),
        sweptAt: now,
        pace: paceFrom(shard, now),
      }),
    ),
  };
}

/** Whether the job of the last sweep has begun. If it has not, there may be no worker, which is no fault of the run. */
function hasBegunInVain({ sweeps, started, allottedStep }: RunShard): boolean {
  return sweeps > 0 && started === allottedStep;
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

/**
 * Gives every shard a new revision, which refuses each commit that is still under way. A shard that is done may be open
 * again, if the database has lost its end.
 */
function fenced({ shards }: Run, header: RunHeader): RunChange {
  return { header, shards };
}

export function openShards(shards: readonly RunShard[]): RunShard[] {
  return shards.filter(({ done }) => !done);
}
