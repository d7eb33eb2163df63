import type { Mutant } from './mutant.js';

/** Lists that people get wrong, and calls that fail because of a list. */
export const lists: readonly Mutant[] = [
  {
    name: 'the next page of a list is one of another walk',
    breaks: [28, 30],
    edits: [
      {
        file: 'src/service/read-list-page.ts',
        find: 'if (place?.walk === walk)',
        replace: 'if (place !== null)',
      },
    ],
  },
  {
    name: 'a page repeats the part of a record that the page before has shown',
    breaks: [28, 30],
    edits: [
      {
        file: 'src/run/calls/read-listed.ts',
        find: 'item: isSame ? from.item : 0 }',
        replace: 'item: 0 }',
      },
    ],
  },
  {
    name: 'a page skips the rest of the record that it ends in',
    breaks: [28, 30],
    edits: [
      {
        file: 'src/run/calls/read-listed.ts',
        find: 'const isWhole = item + some.length >= all.length;',
        replace: 'const isWhole = true;',
      },
    ],
  },
  {
    name: 'a page shows the whole record that it ends in',
    breaks: [14],
    edits: [
      {
        file: 'src/run/calls/read-listed.ts',
        find: 'all.slice(item, item + limit - items.length)',
        replace: 'all.slice(item)',
      },
    ],
  },
  {
    name: 'a call whose run has ended fails because a list cannot be read',
    breaks: [28],
    edits: [
      {
        file: 'src/run/calls/read-first.ts',
        find: '  } catch (error) {\n',
        replace:
          "  } catch (error) {\n    if ((error as { code?: unknown }).code === 'PORT_FAILED') throw error;\n",
      },
    ],
  },
  {
    name: 'a shard lists all differences, however many',
    breaks: [30],
    edits: [
      {
        file: 'src/run/job/list-outcomes.ts',
        find: 'Math.max(0, maxListedDifferences - sumOfDifferences(tally.differences))',
        replace: 'Number.MAX_SAFE_INTEGER',
      },
    ],
  },
  {
    name: 'each batch lists as many differences as a shard may',
    breaks: [30],
    edits: [
      {
        file: 'src/run/job/list-outcomes.ts',
        find: 'maxListedDifferences - sumOfDifferences(tally.differences)',
        replace: 'maxListedDifferences',
      },
    ],
  },
  {
    name: 'a batch that fills the list leaves out its first difference',
    breaks: [30],
    edits: [
      {
        file: 'src/run/job/list-outcomes.ts',
        find: '[possible.slice(0, room), new Set(possible.slice(room))]',
        replace:
          '(room < possible.length && room > 0) ? [possible.slice(1, room + 1), new Set([...possible.slice(0, 1), ...possible.slice(room + 1)])] : [possible.slice(0, room), new Set(possible.slice(room))]',
      },
    ],
  },
  {
    name: 'differences that are not listed are not counted either',
    breaks: [30],
    edits: [
      {
        file: 'src/run/job/list-outcomes.ts',
        find: 'shard.unlistedDifferences + counted.differences.length - listable(counted.differences).length,',
        replace: 'shard.unlistedDifferences,',
      },
    ],
  },
  {
    name: 'a full list goes on after instances of its last batch were deleted',
    breaks: [30],
    edits: [
      {
        file: 'src/run/job/list-outcomes.ts',
        find: 'if (unlistedDifferences > 0) return 0;',
        replace: '',
      },
    ],
  },
  {
    name: 'the next walk of a dry run lists no differences, because the walk before was full',
    breaks: [30],
    edits: [
      {
        file: 'src/run/changes/complete-run.ts',
        find: 'unlistedDifferences: 0,',
        replace: '',
      },
    ],
  },
];
