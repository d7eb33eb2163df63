import type { Defect } from './defect.js';

/** Repositories that write the right values, and report them wrongly. */
export const outcomeDefects: readonly Defect[] = [
  {
    title: 'kept values are not reported',
    rules: () => ({ reportedKept: () => [] }),
    breaks: [
      'commit: when it fills, keeps a',
      'commit: when it fills, keeps values',
      'commit: writes null where',
      'commit: when it overwrites, keeps a value',
      'commit: when it overwrites, keeps a row',
      'commit: when it overwrites, does',
      'commit: when it replaces by null',
      'commit: when it deletes, keeps',
      'commit: when it deletes, reports',
      'commit: when it fills, waits',
    ],
  },
  {
    title: 'only the first kept value is reported',
    rules: () => ({ reportedKept: (kept) => kept.slice(0, 1) }),
    breaks: [
      'commit: when it fills, keeps values',
      'commit: writes null where',
      'commit: when it replaces by null',
      'commit: when it deletes, keeps',
    ],
  },
  {
    title: 'gone instances are not reported',
    rules: () => ({ reportedGone: () => [] }),
    breaks: ['commit: reports instances', 'instance ids: accepts any', 'commit: when it deletes, reports'],
  },
];
