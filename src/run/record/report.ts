import { isHeld, START_AFTER, UNSETTLED } from './holds.js';
import { paceOf, type RunPace, type Waiting } from './progress.js';
import { openShards, type Run, type RunHeader, tallyOf, totalOf } from './run-record.js';
import { isWorkable, type RunState } from './run-state.js';
import type { InstanceFailure, KeyCounts } from './tally.js';
import { warningsOf } from './warnings.js';

/** How a call of `runBackfill` or `handle` ended. Plain JSON. */
export interface BackfillReport<Key extends string = string> {
  readonly runId: string;
  readonly processModelId: string;
  /**
   * `continued`: there is more to do, and with a queue the continuation is enqueued. `superseded`: another job does the work.
   * `completed_with_failures` and `failed`: see `failures`. The counts are those of the whole run so far.
   */
  readonly state: ReportState;
  readonly dryRun: boolean;
  /**
   * How many instances the walk covers: those that existed at its start, and late ones that it met. If the run walks more
   * than once, total and outcomes are those of its last walk.
   */
  readonly total: number;
  readonly processed: number;
  /** Instances for which at least one value other than null was written, summed over all walks. */
  readonly updated: number;
  readonly failed: number;
  /** Instances that were deleted during the run. */
  readonly gone: number;
  readonly keys: Readonly<Record<Key, KeyCounts>>;
  /** The first 20. The log has the first 100 of each job. */
  readonly failures: readonly InstanceFailure[];
  /** Sentences for people about what to check, such as a path that found nothing. */
  readonly warnings: readonly string[];
  /** Why a shard is held, and until when. `null` while none is held. */
  readonly waiting: Waiting | null;
  /** Why the run failed, or why a newer run has ended it. Otherwise `null`. */
  readonly lastError: string | null;
  readonly elapsedMs: number;
}

export type ReportState = Exclude<RunState, 'pending' | 'running'> | 'continued' | 'superseded';

/** A stored run as `service.status` shows it. Times are milliseconds since the epoch. */
export interface RunStatus extends Omit<BackfillReport, 'state' | 'dryRun'>, RunPace {
  readonly state: RunState;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** `false`: `runBackfill` began it without a queue. Only such calls work on it, until `resume` gives it the queue. */
  readonly hasQueue: boolean;
}

/** A stored run as `service.list` shows it. */
export interface RunSummary
  extends Pick<
    RunStatus,
    | 'runId'
    | 'processModelId'
    | 'state'
    | 'total'
    | 'createdAt'
    | 'startedAt'
    | 'endedAt'
    | 'lastError'
    | 'hasQueue'
  > {
  readonly keys: readonly string[];
}

export function summaryOf(header: RunHeader): RunSummary {
  const { runId, processModelId, state, total, definition } = header;
  const { createdAt, startedAt, endedAt, lastError, hasQueue } = header;
  const keys = definition.paths.map(({ key }) => key);
  return {
    runId,
    processModelId,
    state,
    keys,
    total: total ?? 0,
    createdAt,
    startedAt,
    endedAt,
    lastError,
    hasQueue,
  };
}

export function reportOf(
  run: Run,
  state: ReportState,
  { dryRun, now }: { dryRun: boolean; now: number },
): BackfillReport {
  const { runId, processModelId, ...counted } = counts(run, now);
  return { runId, processModelId, state, dryRun, ...counted };
}

export function statusOf(run: Run, now: number): RunStatus {
  const { state, createdAt, startedAt, endedAt, hasQueue } = run.header;
  return {
    ...counts(run, now),
    ...paceOf(run, now),
    state,
    createdAt,
    startedAt,
    endedAt,
    hasQueue,
  };
}

function waitingOf({ header, shards }: Run, now: number): RunStatus['waiting'] {
  if (!isWorkable(header.state)) return null;
  for (const shard of openShards(shards)) {
    if (!isHeld(shard, now)) continue;
    const reason = shard.heldFor ?? '';
    return { for: HELD_FOR.get(reason) ?? 'throttle', reason, until: shard.heldUntil };
  }
  return null;
}

/** By the reason of a hold. Any other one is that of a throttle. */
export const HELD_FOR: ReadonlyMap<string, Waiting['for']> = new Map([
  [START_AFTER, 'startAfter'],
  [UNSETTLED, 'settled'],
]);

/** Before which time the first job of a run does not start. `null` once it may. */
export function startAfterOf({ shards: [first] }: Run, now: number): number | null {
  return first?.heldFor === START_AFTER && isHeld(first, now) ? first.heldUntil : null;
}

function counts(run: Run, now: number): Omit<BackfillReport, 'state' | 'dryRun'> {
  const { runId, processModelId, definition, lastError } = run.header;
  const { processed, updated, failed, gone, keys, failures } = tallyOf(run);
  return {
    runId,
    processModelId,
    total: totalOf(run),
    processed,
    updated,
    failed,
    gone,
    // fromEntries defines own properties, so a key named `__proto__` is a key like any other
    keys: Object.fromEntries(definition.paths.map(({ key }, index) => [key, keys[index]])) as Record<
      string,
      KeyCounts
    >,
    failures,
    warnings: warningsOf(run),
    waiting: waitingOf(run, now),
    lastError,
    elapsedMs: elapsedMs(run.header, now),
  };
}

/** Milliseconds from the freeze to the end, pauses included. */
export function elapsedMs({ startedAt, endedAt }: RunHeader, now: number): number {
  return startedAt === null ? 0 : Math.max(0, (endedAt ?? now) - startedAt); // a clock may be set back
}
