import type { BackfillMode } from '../../ports/repository.js';
import { type DifferenceCounts, noDifferences } from './difference-counts.js';
import { isHeld, START_AFTER, UNSETTLED } from './holds.js';
import { paceOf, type RunPace, type Waiting } from './progress.js';
import type { RunCounts } from './run-counts.js';
import {
  openShards,
  type Requester,
  type Run,
  type RunControl,
  type RunDefinition,
  type RunHeader,
  tallyOf,
  totalOf,
} from './run-record.js';
import { isWorkable, type RunState } from './run-state.js';
import { type InstanceFailure, type KeyCounts, visited } from './tally.js';
import { type Verdict, verdictOf } from './verdict.js';
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
  /** Whether nothing was written. Then the counts say what would be. */
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
  /** Of a dry run: the differences between what is stored and what it would write. `null` for other runs. */
  readonly differences: Readonly<Record<Key, DifferenceCounts>> | null;
  /** Of a dry run: whether there are differences. `null` for other runs. */
  readonly verdict: Verdict | null;
  /** The first 20. `failures` of a service returns all of them, and the log has the first 100 of each job. */
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
export interface RunStatus extends Omit<BackfillReport, 'state'>, Requester, RunPace {
  readonly state: RunState;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** `false`: `runBackfill` began it without a queue. Only such calls work on it, until `resume` gives it the queue. */
  readonly hasQueue: boolean;
  /** What it does under each key. Requests take them as they are. */
  readonly paths: readonly RunPath[];
  readonly missing: 'null' | 'omit';
  readonly clear: boolean;
  readonly limit: number | null;
  /** The most ranges that it may be split into. */
  readonly shards: number;
  /** How many instances it was given by `instanceIds`. `null`: it covers the whole model. */
  readonly selected: number | null;
  /** How somebody last paused, resumed or cancelled it. `null`: nobody has. */
  readonly lastControl: RunControl | null;
}

/** One key of a run, and where it reads the key. */
export interface RunPath {
  readonly key: string;
  readonly path: readonly string[];
  readonly mode: BackfillMode;
}

/** A stored run as `service.list` shows it. */
export interface RunSummary
  extends Pick<
    RunStatus,
    | 'runId'
    | 'processModelId'
    | 'state'
    | 'total'
    | 'processed'
    | 'updated'
    | 'failed'
    | 'gone'
    | 'ratePerSecond'
    | 'etaMs'
    | 'waiting'
    | 'lastProgressAt'
    | 'createdAt'
    | 'startedAt'
    | 'endedAt'
    | 'lastError'
    | 'hasQueue'
    | 'requestedBy'
    | 'reason'
    | 'dryRun'
    | 'verdict'
    | 'paths'
    | 'limit'
    | 'selected'
  > {}

/** @param active how it goes on. `null`: it has ended. */
export function summaryOf(
  header: RunHeader,
  counts: RunCounts,
  active: (RunPace & Pick<RunStatus, 'waiting'>) | null,
): RunSummary {
  const { runId, processModelId, state, total, definition } = header;
  const { createdAt, startedAt, endedAt, lastError, hasQueue, requestedBy, reason } = header;
  const { processed, updated, failed, gone, verdict = null, lastProgressAt } = counts;
  const { dryRun, limit, instanceIds } = definition;
  return {
    runId,
    processModelId,
    state,
    paths: shownPaths(definition),
    limit,
    selected: instanceIds?.length ?? null,
    total: Math.max(total ?? 0, visited(counts)),
    processed,
    updated,
    failed,
    gone,
    ratePerSecond: active?.ratePerSecond ?? 0,
    etaMs: active?.etaMs ?? null,
    waiting: active?.waiting ?? null,
    lastProgressAt,
    createdAt,
    startedAt,
    endedAt,
    lastError,
    hasQueue,
    requestedBy,
    reason,
    dryRun,
    verdict,
  };
}

export function reportOf(run: Run, state: ReportState, { failures, now }: Shown): BackfillReport {
  const { runId, processModelId, ...counted } = counts(run, { failures, now });
  return { runId, processModelId, state, ...counted };
}

/** What the records of a run do not have. */
interface Shown {
  readonly failures: { readonly items: readonly InstanceFailure[]; readonly warnings: readonly string[] };
  readonly now: number;
}

export function statusOf(run: Run, { failures, now }: Shown): RunStatus {
  const { state, createdAt, startedAt, endedAt, hasQueue, requestedBy, reason, lastControl } = run.header;
  const { missing, clear, limit, instanceIds, shards } = run.header.definition;
  return {
    ...counts(run, { failures, now }),
    ...paceOf(run, now),
    state,
    createdAt,
    startedAt,
    endedAt,
    hasQueue,
    paths: shownPaths(run.header.definition),
    missing,
    clear,
    limit,
    selected: instanceIds?.length ?? null,
    shards,
    requestedBy,
    reason,
    lastControl,
  };
}

function shownPaths({ paths }: RunDefinition): RunPath[] {
  return paths.map(({ key, segments, mode }) => ({ key, path: segments, mode }));
}

/** Why a shard is held, and until when. `null`: none is. */
export function waitingOf({ header, shards }: Run, now: number): RunStatus['waiting'] {
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

function counts(run: Run, { failures, now }: Shown): Omit<BackfillReport, 'state'> {
  const { runId, processModelId, definition, lastError } = run.header;
  const { processed, updated, failed, gone, keys } = tallyOf(run);
  const { dryRun } = definition;
  return {
    runId,
    processModelId,
    dryRun,
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
    differences: dryRun ? differencesOf(run) : null,
    verdict: dryRun ? verdictOf(run) : null,
    failures: failures.items,
    warnings: [...warningsOf(run), ...failures.warnings],
    waiting: waitingOf(run, now),
    lastError,
    elapsedMs: elapsedMs(run.header, now),
  };
}

/** By key. */
export function differencesOf(run: Run): Record<string, DifferenceCounts> {
  const { differences } = tallyOf(run);
  const { paths } = run.header.definition;
  return Object.fromEntries(paths.map(({ key }, index) => [key, differences[index] ?? noDifferences]));
}

/** Milliseconds from the freeze to the end, pauses included. */
export function elapsedMs({ startedAt, endedAt }: RunHeader, now: number): number {
  return startedAt === null ? 0 : Math.max(0, (endedAt ?? now) - startedAt); // a clock may be set back
}
