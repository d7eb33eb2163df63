import type { Mutant } from './mutant.js';

/** Runs that store wrong times. */
export const times: readonly Mutant[] = [
  {
    name: 'a run says that it started when its last walk began',
    breaks: [35],
    edits: [
      {
        file: 'src/run/changes/freeze-walk.ts',
        find: 'startedAt: header.startedAt ?? now,',
        replace: 'startedAt: now,',
      },
    ],
  },
  {
    name: 'a run that goes on says that it has ended',
    breaks: [35],
    edits: [
      {
        file: 'src/run/changes/resume-run.ts',
        find: '    endedAt: null,\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a run ended when its first walk began',
    breaks: [35],
    edits: [
      {
        file: 'src/run/changes/complete-run.ts',
        find: 'endedAt: now });',
        replace: 'endedAt: header.startedAt });',
      },
    ],
  },
];
