import type { Mutant } from './mutant.js';

/** Dry runs that write, take keys, or list the wrong differences. */
export const dryRuns: readonly Mutant[] = [
  {
    name: 'a dry run writes what it plans',
    breaks: [11],
    edits: [
      {
        file: 'src/run/job/plan-differences.ts',
        find: 'writes: { ...writes, values: [] }, differences',
        replace: 'differences',
      },
    ],
  },
  {
    name: 'a dry run takes keys over',
    breaks: [18, 19, 20],
    edits: [
      {
        file: 'src/run/record/run-definition.ts',
        find: 'return !isTrial(definition) && !definition.dryRun;',
        replace: 'return !isTrial(definition);',
      },
    ],
  },
  {
    name: 'differences are stored as planned, also those of instances that are gone or left behind',
    breaks: [30],
    edits: [
      {
        file: 'src/run/job/list-outcomes.ts',
        find: "...recordsOf('differences', shard, listable(counted.differences),",
        replace: "...recordsOf('differences', shard, possibleDifferences(entries),",
      },
    ],
  },
  {
    name: 'a shard does not count its records of differences',
    breaks: [30],
    edits: [
      {
        file: 'src/run/job/list-outcomes.ts',
        find: 'differenceRecords: shard.differenceRecords + differences,',
        replace: 'differenceRecords: shard.differenceRecords,',
      },
    ],
  },
  {
    name: 'a dry run lists the differences of all its walks',
    breaks: [30],
    edits: [
      {
        file: 'src/run/changes/complete-run.ts',
        find: 'differencesFrom: shard.differenceRecords,',
        replace: '',
      },
    ],
  },
  {
    name: 'a value over a null row is listed as absent',
    breaks: [30],
    edits: [
      {
        file: 'src/run/job/plan-differences.ts',
        find: 'if (!stored.has(key)) return',
        replace: 'if ((stored.get(key)?.value ?? null) === null) return',
      },
    ],
  },
  {
    name: 'the next walk of a dry run goes on with the counts of the walk before',
    breaks: [1],
    edits: [
      {
        file: 'src/run/record/tally.ts',
        find: 'if (dryRun) return emptyTally(keys.length);',
        replace: '',
      },
    ],
  },
];
