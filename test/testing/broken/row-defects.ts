import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** Repositories that show the wrong metadata rows, or show them wrongly. */
export const rowDefects: readonly Defect[] = [
  {
    title: 'a page reads the documents first, and then the rows',
    rules: () => ({ readsRowsLast: true }),
    breaks: ['readInstances: shows no row'],
  },
  {
    title: 'a page shows rows under other keys',
    rules: () => ({ shownRows: (rows) => [...rows] }),
    breaks: ['readInstances: shows the rows', 'metadata: distinguishes keys'],
  },
  {
    title: 'a page shows no null rows',
    rules: () => ({
      shownRows: (rows, paths) => SOUND.shownRows(rows, paths).filter(([, { value }]) => value !== null),
    }),
    breaks: ['readInstances: shows which', 'readInstances: shows a null', 'commit: removes a null row'],
  },
  {
    title: 'a page shows only the rows that are to be overwritten',
    rules: () => ({
      shownRows: (rows, paths) =>
        SOUND.shownRows(
          rows,
          paths.filter(({ mode }) => mode === 'overwrite'),
        ),
    }),
    breaks: ['readInstances: shows which'],
  },
  {
    title: 'a page shows values in another form than commit was given',
    rules: () => ({
      shownValue: ({ value }) => (value === null ? null : JSON.stringify(value)),
    }),
    breaks: ['readInstances: shows the rows', 'readInstances: shows a value'],
  },
  {
    title: 'the token is the key',
    rules: () => ({ token: (_, key) => key }),
    breaks: [
      'readInstances: gives a',
      'commit: when it overwrites, keeps a value',
      'commit: when it overwrites, keeps a row',
      'commit: while live instances',
      'commit: when it replaces by null',
      'commit: when it deletes, keeps',
    ],
  },
  {
    title: 'every instance is called running',
    rules: () => ({ isRunning: () => true }),
    breaks: ['readInstances: says whether'],
  },
];
