import type { RepositoryCommit, RunRecord } from '../../ports/repository.js';
import type { RunContext } from '../context/run-context.js';
import { sumOfDifferences } from '../record/difference-counts.js';
import { type Listed, type ListName, listRecord, listRecordId, packItems } from '../record/listed-records.js';
import { newRevision } from '../record/new-ids.js';
import type { RunDefinition, RunHeader, RunShard } from '../record/run-record.js';
import { possibleDifferences, possibleFailures } from './count-outcomes.js';
import type { PlannedEntry } from './plan-instance.js';

/** The records of a batch that list what failed or differs. */
export interface OutcomeLists {
  /** Their ids behind those of the shard. They are not stored yet. */
  expectedAt(shard: RunShard): RepositoryCommit['expected'];
  /** How much the shard lists with them, and how much it leaves out. */
  countedAt(
    shard: RunShard,
    counted: Items,
  ): Pick<RunShard, 'failureRecords' | 'differenceRecords' | 'unlistedDifferences'>;
  /** One for each that is expected. Pure: their revisions are drawn before. */
  recordsAt(shard: RunShard, counted: Items, revisions: readonly string[]): RunRecord[];
  drawRevisions(): readonly string[];
}

type Items = { readonly [Name in ListName]: readonly Listed[Name][] };

/**
 * The number of records is fixed before the commit, from all items that may have to be listed. Every failure is listed. Differences
 * are listed until the shard is full. That is decided by the batch and the stored shard alone, so another job decides the same.
 */
export function listOutcomes(
  { runtime, dryRun }: Pick<RunContext, 'runtime' | 'dryRun'>,
  { runId, processModelId, definition }: Pick<RunHeader, 'runId' | 'processModelId' | 'definition'>,
  checkpoint: Pick<RunShard, 'tally' | 'unlistedDifferences'>,
  entries: readonly PlannedEntry[],
): OutcomeLists {
  const possible = dryRun ? [] : possibleDifferences(entries); // nobody could read those of a dry run in memory
  const room = roomIn(definition, checkpoint);
  const [fitting, unlisted] = [possible.slice(0, room), new Set(possible.slice(room))];
  const failures = packItems(possibleFailures(entries)).length;
  const differences = packItems(fitting).length;

  function numbersOf<Name extends ListName>(name: Name, shard: RunShard) {
    const [first, length] =
      name === 'failures' ? [shard.failureRecords, failures] : [shard.differenceRecords, differences];
    return Array.from({ length }, (_, place) => first + place);
  }

  function recordsOf<Name extends ListName>(
    name: Name,
    shard: RunShard,
    items: readonly Listed[Name][],
    revisions: readonly string[],
  ): RunRecord[] {
    const packed = packItems(items);
    return numbersOf(name, shard).map((number, place) => {
      const content = { number, items: packed[place] ?? [] };
      return listRecord(name, { runId, processModelId }, shard.index, content, revisions[place] ?? '');
    });
  }

  const listable = (all: Items['differences']): Items['differences'] =>
    unlisted.size === 0 ? all : all.filter((difference) => !unlisted.has(difference));

  return {
    expectedAt: (shard) =>
      NAMES.flatMap((name) =>
        numbersOf(name, shard).map((number) => ({
          id: listRecordId(name, runId, shard.index, number),
          revision: null,
        })),
      ),
    countedAt: (shard, counted) => ({
      failureRecords: shard.failureRecords + failures,
      differenceRecords: shard.differenceRecords + differences,
      unlistedDifferences:
        shard.unlistedDifferences + counted.differences.length - listable(counted.differences).length,
    }),
    recordsAt: (shard, counted, revisions) => [
      ...recordsOf('failures', shard, counted.failures, revisions.slice(0, failures)),
      ...recordsOf('differences', shard, listable(counted.differences), revisions.slice(failures)),
    ],
    drawRevisions: () => Array.from({ length: failures + differences }, () => newRevision(runtime)),
  };
}

const NAMES: readonly ListName[] = ['failures', 'differences'];

/** How many more differences a shard may list. Once it has left one out, it lists no more, so its list has no gap. */
function roomIn(
  { maxListedDifferences }: RunDefinition,
  { tally, unlistedDifferences }: Pick<RunShard, 'tally' | 'unlistedDifferences'>,
): number {
  if (unlistedDifferences > 0) return 0;
  return Math.max(0, maxListedDifferences - sumOfDifferences(tally.differences));
}
