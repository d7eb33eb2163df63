import type { Mutant } from './mutant.js';

const FILE = 'src/run/calls/announce-changes.ts';

/** Changes of the state of a run that subscribers hear of never, twice or too early. */
export const announcements: readonly Mutant[] = [
  {
    name: 'announcements: a change whose answer was lost is never announced',
    breaks: [29],
    edits: [
      {
        file: FILE,
        find: 'for (const change of ofState) note(context.repository, change);',
        replace: '',
      },
    ],
  },
  {
    name: 'announcements: a change is forgotten whose run this process does not load again',
    breaks: [29],
    edits: [
      { file: 'src/run/job/perform-job.ts', find: '  await lookForAllUnknown(context);\n', replace: '' },
      { file: 'src/service/sweep-runs.ts', find: '  await lookForAllUnknown(context);\n', replace: '' },
    ],
  },
  {
    name: 'announcements: a change of unknown outcome is taken for stored',
    breaks: [29],
    edits: [
      {
        file: FILE,
        find: 'for (const change of ofState) note(context.repository, change);',
        replace: 'for (const change of ofState) announce(context, change);',
      },
    ],
  },
  {
    name: 'announcements: whoever finds the state that he wanted takes it for his own change',
    breaks: [29],
    edits: [
      {
        file: FILE,
        find: 'stateRevisions.includes(after.header.revision)',
        replace: 'header.state === after.header.state',
      },
    ],
  },
  {
    name: 'announcements: a change is forgotten if a slow load shows the run from before',
    breaks: [29],
    edits: [
      {
        file: FILE,
        find: '!found.includes(change) &&',
        replace: '!found.includes(change) && header.revision === change.before.header.revision &&',
      },
    ],
  },
  {
    name: 'announcements: a change is forgotten because of a newer change that the database then loses',
    breaks: [29],
    edits: [
      {
        file: FILE,
        find: '!found.includes(change) &&',
        replace: '!found.includes(change) && header.changes <= change.before.header.changes &&',
      },
    ],
  },
  {
    name: 'announcements: the header keeps only the last change of state',
    breaks: [29],
    edits: [
      {
        file: 'src/run/calls/run-records.ts',
        find: '[...stateRevisions, revision].slice(-MOST_STATE_REVISIONS)',
        replace: '[revision]',
      },
    ],
  },
  {
    name: 'announcements: a refused change is announced',
    breaks: [29],
    edits: [
      {
        file: FILE,
        find: 'if (isStored) for (const change of ofState)',
        replace: 'for (const change of ofState)',
      },
    ],
  },
  {
    name: 'announcements: a transaction of the host is taken for committed',
    breaks: [29],
    edits: [{ file: FILE, find: ' || isWithinHost', replace: '' }],
  },
  {
    name: 'announcements: a request does not look whether a change of another run is stored',
    breaks: [29],
    edits: [
      {
        file: 'src/run/calls/change-model.ts',
        find: 'await lookForUnknown(context, tried, { calls: decision === null ? null : calls });',
        replace: '',
      },
      {
        file: 'src/run/calls/change-model.ts',
        find: 'await lookForUnknown(context, tried, { calls });',
        replace: '',
      },
    ],
  },
];
