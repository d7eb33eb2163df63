import type { RepositoryCommit, RunRecord } from '../../ports/repository.js';
import type { RunContext } from '../context/run-context.js';
import { type Listed, type ListName, listRecord, listRecordId, packItems } from '../record/listed-records.js';
import { newRevision } from '../record/new-ids.js';
import type { RunHeader, RunShard } from '../record/run-record.js';
import { possibleDifferences, possibleFailures } from './count-outcomes.js';
import type { PlannedEntry } from './plan-instance.js';

/** The records of a batch that list what failed or differs. */
export interface OutcomeLists {
  /** Their ids behind those of the shard. They are not stored yet. */
  expectedAt(shard: RunShard): RepositoryCommit['expected'];
  /** How many records the shard has with them. */
  countedAt(shard: RunShard): Pick<RunShard, 'failureRecords' | 'differenceRecords'>;
  /** One for each that is expected. Pure: their revisions are drawn before. */
  recordsAt(shard: RunShard, counted: Items, revisions: readonly string[]): RunRecord[];
  drawRevisions(): readonly string[];
}

type Items = { readonly [Name in ListName]: readonly Listed[Name][] };

/** How many records there are is fixed before the commit, by what may have to be listed. */
export function listOutcomes(
  { runtime, dryRun }: Pick<RunContext, 'runtime' | 'dryRun'>,
  { runId, processModelId }: Pick<RunHeader, 'runId' | 'processModelId'>,
  entries: readonly PlannedEntry[],
): OutcomeLists {
  const failures = packItems(possibleFailures(entries)).length;
  const differences = dryRun ? 0 : packItems(possibleDifferences(entries)).length; // nobody could read them

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

  return {
    expectedAt: (shard) =>
      NAMES.flatMap((name) =>
        numbersOf(name, shard).map((number) => ({
          id: listRecordId(name, runId, shard.index, number),
          revision: null,
        })),
      ),
    countedAt: (shard) => ({
      failureRecords: shard.failureRecords + failures,
      differenceRecords: shard.differenceRecords + differences,
    }),
    recordsAt: (shard, counted, revisions) => [
      ...recordsOf('failures', shard, counted.failures, revisions.slice(0, failures)),
      ...recordsOf('differences', shard, counted.differences, revisions.slice(failures)),
    ],
    drawRevisions: () => Array.from({ length: failures + differences }, () => newRevision(runtime)),
  };
}

const NAMES: readonly ListName[] = ['failures', 'differences'];
