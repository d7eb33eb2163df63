import type { Mutant } from './mutant.js';

/** Instances that are saved while they are read. */
export const busyInstances: readonly Mutant[] = [
  {
    name: 'an instance that was saved since its read counts as kept',
    breaks: [24],
    edits: [
      {
        file: 'src/run/job/count-outcomes.ts',
        find: 'if (isBusy && tries < MOST_REREADS) {',
        replace: 'if (isBusy && tries < 0) {',
      },
      {
        file: 'src/run/job/count-outcomes.ts',
        find: 'isBusy ? busyInstance(planned, writes.id) : planned;',
        replace: 'planned;',
      },
      {
        file: 'src/run/job/count-outcomes.ts',
        find: 'WRITING.has(wanted) && keptHere',
        replace: 'WRITING.has(wanted) && isBusy || keptHere',
      },
    ],
  },
  {
    name: 'a busy instance fails at once',
    breaks: [24],
    edits: [
      {
        file: 'src/run/record/left-behind.ts',
        find: 'MOST_REREADS = 5',
        replace: 'MOST_REREADS = 4',
      },
    ],
  },
  {
    name: 'those that were left behind are not read again at the end of a shard',
    breaks: [24],
    edits: [
      {
        file: 'src/run/job/read-batch.ts',
        find: 'return entries.length + again.length === 0 ? null',
        replace: 'return entries.length === 0 ? null',
      },
    ],
  },
  {
    name: 'a commit forgets those that it does not name',
    breaks: [24],
    edits: [
      {
        file: 'src/run/record/left-behind.ts',
        find: '(again.get(one.id) ?? []) : [one]',
        replace: '(again.get(one.id) ?? []) : []',
      },
      {
        file: 'src/run/job/settle-batch.ts',
        find: 'const half = settled + Math.ceil((end - settled) / 2);',
        replace: 'const half = settled + 1;',
      },
    ],
  },
  {
    name: 'a shard leaves any number behind',
    breaks: [16],
    edits: [
      {
        file: 'src/run/record/left-behind.ts',
        find: 'MOST_LEFT_BEHIND = 100',
        replace: 'MOST_LEFT_BEHIND = 1_000',
      },
    ],
  },
  {
    name: 'an instance that a lagging replica does not show has its outcome',
    breaks: [1, 24],
    edits: [
      {
        file: 'src/run/job/count-outcomes.ts',
        find: '(hasMoved.has(writes.id) || reread?.isFound === false)',
        replace: 'hasMoved.has(writes.id)',
      },
    ],
  },
  {
    name: 'instances that were left behind move the cursor',
    breaks: [4],
    edits: [
      {
        file: 'src/run/job/commit-batch.ts',
        find: 'entries.findLast(({ reread }) => reread === null)?.cursor',
        replace: 'entries[0]?.cursor',
      },
    ],
  },
];
