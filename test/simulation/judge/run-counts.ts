import type { DifferenceCountsView, HeaderView, ShardView } from '../read-record.js';
import { isComplete, type JudgedRun } from './judged-world.js';
import { isTrial, visitedOf } from './judgement.js';

/** The counts of the last walk of a run, as people see them. */
export interface RunCounts {
  readonly total: number;
  readonly processed: number;
  readonly updated: number;
  readonly failed: number;
  /** Once a run is complete, also the instances that its walk never met. */
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
export function keyCountsOf(header: HeaderView, shards: Iterable<ShardView>, key: string): KeyCounts {
  const sum = sumsOf(
    header,
    key,
    [...shards].map(({ tally }) => tally.keys),
  );
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
  header: HeaderView,
  shards: Iterable<ShardView>,
  key: string,
): DifferenceCountsView {
  const sum = sumsOf(
    header,
    key,
    [...shards].map(({ tally }) => tally.differences),
  );
  return { absent: sum('absent'), different: sum('different'), orphaned: sum('orphaned') };
}

/** Adds up what all shards have counted under one key. */
function sumsOf<Name extends string>(
  { definition }: HeaderView,
  key: string,
  byShard: readonly (readonly Readonly<Record<Name, number>>[])[],
): (name: Name) => number {
  const index = definition.paths.findIndex((path) => path.key === key);
  const all = byShard.flatMap((counts) => counts[index] ?? []);
  return (name) => all.reduce((sum, counts) => sum + counts[name], 0);
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
