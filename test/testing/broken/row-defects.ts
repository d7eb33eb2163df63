import type { StoredValue } from 'process-metadata-backfill';
import type { Defect } from './defect.js';
import { type Row, type Rules, SOUND } from './rules.js';

/** Repositories that show the wrong metadata rows, or show them wrongly. */
export const rowDefects: readonly Defect[] = [
  {
    title: 'a page reads the documents first, and then the rows',
    rules: () => ({ readsRowsLast: true }),
    breaks: ['readInstances: shows no row'],
  },
  {
    title: 'a page shows all rows of an instance that has one of its keys',
    rules: () => ({
      shownRows: (rows, paths) => (SOUND.shownRows(rows, paths).length > 0 ? [...rows] : []),
    }),
    breaks: ['readInstances: shows the rows'],
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
    title: 'a page shows texts that look like numbers as numbers',
    rules: () => ({
      shownValue: ({ value }) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value),
    }),
    breaks: ['readInstances: shows a value'],
  },
  {
    title: 'a null row that is to be overwritten is shown as an empty text',
    rules: () => ({ shownValue: ({ value }, mode) => (mode === 'overwrite' ? (value ?? '') : value) }),
    breaks: ['readInstances: shows a null'],
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
    title: 'the token counts the writes of a row, and begins again when it is inserted again',
    rules: () => ({ token: ({ writes }) => String(writes) }),
    breaks: ['readInstances: gives a', 'commit: when it overwrites, keeps a row'],
  },
  {
    title: 'each page has another token for the same row',
    rules: () => {
      let pages = 0;
      return {
        token({ version }) {
          pages += 1;
          return `${version}/${pages}`;
        },
        ...comparingRows((row, { token }) => String(row.version) === token?.split('/')[0]),
      };
    },
    breaks: ['readInstances: gives a'],
  },
  {
    title: 'every instance is called running',
    rules: () => ({ isRunning: () => true }),
    breaks: ['readInstances: says whether'],
  },
];

/** A commit that writes over a row, or deletes it, if it is the same as the one that was read. */
function comparingRows(
  isSame: (row: Row, replaces: StoredValue) => boolean,
): Pick<Rules, 'mayReplace' | 'mayNull' | 'mayDelete'> {
  const may = (row: Row | undefined, replaces: StoredValue) => row !== undefined && isSame(row, replaces);
  return { mayReplace: may, mayNull: may, mayDelete: may };
}
