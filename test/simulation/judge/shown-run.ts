import type { ShardView } from '../read-record.js';
import type { JudgedRun } from './judged-world.js';
import { namesListed } from './lists.js';
import { countsOf, differenceCountsOf, keyCountsOf, verdictOf } from './run-counts.js';

/** What a status must say of a run. Lists and reports say a part of it. */
export type ShownRun = ReturnType<typeof shownRun>;

export function shownRun(run: JudgedRun) {
  const { header, processModelId } = run;
  const { definition, runId, state, createdAt, startedAt, endedAt } = header;
  const { lastError, hasQueue, requestedBy, reason, lastControl } = header;
  const { dryRun, missing, clear, limit, shards: mostShards, instanceIds } = definition;
  const shards = [...run.shards.values()];
  const keys = definition.paths.map(({ key }) => key);
  const byKey = <Counts>(countsFor: (key: string) => Counts) =>
    Object.fromEntries(keys.map((key) => [key, countsFor(key)]));
  return {
    ...{ runId, processModelId, state, createdAt, startedAt, endedAt },
    ...{ lastError, hasQueue, requestedBy, reason, lastControl },
    ...{ dryRun, missing, clear, limit, shards: mostShards, selected: instanceIds?.length ?? null },
    paths: definition.paths.map(({ key, segments, mode }) => ({ key, path: segments, mode })),
    ...countsOf(header, shards),
    keys: byKey((key) => keyCountsOf(header, shards, key)),
    differences: dryRun ? byKey((key) => differenceCountsOf(header, shards, key)) : null,
    verdict: dryRun ? verdictOf(run, header, keys) : null,
    lastProgressAt: lastProgressOf(shards),
    /** The first ones, by their names. */
    failures: [...namesListed(run, 'failures')].slice(0, MOST_SHOWN),
    samples: [...namesListed(run, 'differences')].slice(0, MOST_SHOWN),
  };
}

const MOST_SHOWN = 20;

function lastProgressOf(shards: readonly ShardView[]): number | null {
  const times = shards.filter(({ commits }) => commits > 0).map(({ progressAt }) => progressAt);
  return times.length === 0 ? null : Math.max(...times);
}
