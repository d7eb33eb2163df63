import type { DifferenceCountsView, HeaderView, ShardView } from '../read-record.js';
import { isComplete, type JudgedRun } from './judged-world.js';
import { isTrial, visitedOf } from './judgement.js';

/** The counts of the last walk of a run, as people see them. */
export interface RunCounts {
  readonly total: number;
  readonly processed: number;
  readonly updated: number;
  readonly failed: number;
  /** With those that the walk of a complete run has never met. */
  readonly gone: number;
}

export function countsOf({ total, state }: HeaderView, shards: Iterable<ShardView>): RunCounts {
  const all = [...shards];
  const sum = (name: Exclude<keyof RunCounts, 'total'>): number =>
    all.reduce((count, { tally }) => count + tally[name], 0);
  const visited = all.reduce((count, shard) => count + visitedOf(shard), 0);
  const unmet = isComplete(state) ? Math.max(0, (total ?? 0) - visited) : 0;
  return {
    total: Math.max(total ?? 0, visited),
    ...{ processed: sum('processed'), updated: sum('updated'), failed: sum('failed') },
    gone: sum('gone') + unmet,
  };
}

type KeyCounts = ShardView['tally']['keys'][number];

/** The counts of one key. A value that an earlier walk wrote counts as written once this walk has met it, and as kept until then. */
export function keyCountsOf({ definition }: HeaderView, shards: Iterable<ShardView>, key: string): KeyCounts {
  const index = definition.paths.findIndex((path) => path.key === key);
  const all = [...shards].flatMap(({ tally }) => tally.keys[index] ?? []);
  const sum = (name: keyof KeyCounts): number => all.reduce((count, counts) => count + counts[name], 0);
  const kept = sum('kept');
  const written = sum('written') + Math.min(0, kept);
  const orphaned = Math.min(sum('orphaned'), sum('null') + sum('missing'));
  return {
    ...{
      written,
      kept: Math.max(0, kept),
      null: sum('null'),
      missing: sum('missing'),
      failed: sum('failed'),
    },
    ...{ replaced: Math.min(sum('replaced'), written), truncated: Math.min(sum('truncated'), written) },
    ...{ orphaned, cleared: Math.min(sum('cleared'), orphaned) },
  };
}

/** What a dry run has found under one key. */
export function differenceCountsOf(
  { definition }: HeaderView,
  shards: Iterable<ShardView>,
  key: string,
): DifferenceCountsView {
  const index = definition.paths.findIndex((path) => path.key === key);
  const all = [...shards].flatMap(({ tally }) => tally.differences[index] ?? []);
  const sum = (name: keyof DifferenceCountsView): number =>
    all.reduce((count, counts) => count + counts[name], 0);
  return { absent: sum('absent'), different: sum('different'), orphaned: sum('orphaned') };
}

/** Whether a dry run has found differences under some of its keys. `unknown`: it has not compared each instance. */
export function verdictOf(
  { failed, shards }: Pick<JudgedRun, 'failed' | 'shards'>,
  header: HeaderView,
  keys: readonly string[],
): string {
  const found = keys.map((key) => differenceCountsOf(header, shards.values(), key));
  if (found.some(({ absent, different, orphaned }) => absent + different + orphaned > 0)) return 'different';
  const { total, gone } = countsOf(header, shards.values());
  const hasFailed = [...failed.values()].flat().some(({ key }) => key === null || keys.includes(key));
  const hasSeenAll =
    isComplete(header.state) && !isTrial(header) && header.settled !== false && !hasFailed && gone === 0;
  return hasSeenAll && total > 0 ? 'equal' : 'unknown';
}
