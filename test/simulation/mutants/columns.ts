import type { Mutant } from './mutant.js';

/** Columns that say something else of a key than what its runs have done. */
export const columns: readonly Mutant[] = [
  {
    name: 'columns show a verification as a run that writes',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/metadata-column.ts',
        find: 'idsOf(about.filter(({ definition }) => !definition.dryRun))',
        replace: 'idsOf(about)',
      },
    ],
  },
  {
    name: 'columns show no run that verifies a key',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/metadata-column.ts',
        find: 'idsOf(about.filter(({ definition }) => isVerification(definition)))',
        replace: '[]',
      },
    ],
  },
  {
    name: 'a column is covered, although its run was not settled or the key has failed',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/metadata-column.ts',
        find: 'covered: isComplete(state) && settled !== false && counts.failed === 0,',
        replace: 'covered: isComplete(state),',
      },
    ],
  },
  {
    name: 'columns show a key that was only tried as removed',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/metadata-column.ts',
        find: 'removed: segments === null && runId !== null,',
        replace: 'removed: segments === null,',
      },
    ],
  },
  {
    name: 'columns show when a run that failed has ended as its completion',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/metadata-column.ts',
        find: 'completedAt: state !== null && isComplete(state) ? endedAt : null,',
        replace: 'completedAt: endedAt,',
      },
    ],
  },
  {
    name: 'a key is verified since its verification was requested',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/certify-keys.ts',
        find: 'since: startedAt ?? 0',
        replace: 'since: run.header.createdAt',
      },
    ],
  },
];
