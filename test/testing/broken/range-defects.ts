import type { Defect } from './defect.js';

/** Repositories that take an instance into a range that is not in it, or leave one out. */
export const rangeDefects: readonly Defect[] = [
  {
    title: '`after` is inclusive',
    rules: () => ({ isAfter: (cursor, after) => cursor >= after }),
    breaks: [
      'surveyInstances: counts from',
      'readInstances: in pages',
      'readInstances: begins strictly',
      'readInstances: returns only',
      'splitInstances: splits',
      'commit: accepts a range as',
      'readInstances: skips',
      'readInstances: leaves data',
      'readInstances: shows which',
    ],
  },
  {
    title: '`upTo` is exclusive',
    rules: () => ({ isUpTo: (cursor, upTo) => cursor < upTo }),
    breaks: [
      'readInstances: in pages',
      'readInstances: ends with',
      'readInstances: puts an',
      'readInstances: ends when',
      'commit: answers not-exhausted',
      'readInstances: skips',
      'readInstances: leaves data',
      'readInstances: shows which',
    ],
  },
  {
    title: '`upTo` is ignored',
    rules: () => ({ isUpTo: () => true }),
    breaks: [
      'readInstances: ends with',
      'readInstances: puts an',
      'commit: accepts a range as',
      'readInstances: in pages',
      'readInstances: skips',
      'readInstances: leaves data',
    ],
  },
  {
    title: 'cursors do not grow with creation',
    rules: () => ({ cursorOf: (n) => (n * 7919) % 10_007 }),
    breaks: [
      'surveyInstances: counts the',
      'surveyInstances: counts from',
      'surveyInstances: counts only',
      'readInstances: in pages',
      'readInstances: begins strictly',
      'readInstances: ends with',
      'readInstances: returns the',
      'readInstances: returns only',
      'readInstances: puts an',
      'commit: answers not-exhausted',
      'readInstances: skips',
    ],
  },
  {
    title: 'deleted instances stay in the walk',
    rules: () => ({ isReadable: () => true }),
    breaks: [
      'surveyInstances: counts from',
      'surveyInstances: counts only',
      'readInstances: begins strictly',
      'readInstances: leaves the',
      'readInstances: leaves out',
      'commit: accepts a range as',
      'processModelId: accepts any',
      'processModelId: distinguishes',
      'processModelId: takes no',
    ],
  },
];
