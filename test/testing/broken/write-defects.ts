import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** Repositories that write what they must not, or do not write what they must. */
export const writeDefects: readonly Defect[] = [
  {
    title: 'a fill overwrites values',
    rules: () => ({ mayFill: () => true }),
    breaks: [
      'commit: tells',
      'commit: when it fills, keeps a',
      'commit: when it fills, keeps values',
      'commit: writes null where',
      'commit: while live instances',
      'commit: when it fills, waits',
    ],
  },
  {
    title: 'a fill replaces falsy values',
    rules: () => ({
      mayFill: (row, value, all) =>
        SOUND.mayFill(row, value, all) || ['', '0', 'false'].includes(String(row?.value ?? 'null')),
    }),
    breaks: ['commit: when it fills, keeps values'],
  },
  {
    title: 'a fill overwrites a value if another key of its instance has no row',
    rules: () => ({
      mayFill: (row, value, all) =>
        SOUND.mayFill(row, value, all) ||
        (value !== null && all.writes.some(({ key }) => !all.rows.has(key))),
    }),
    breaks: ['commit: when it fills, keeps a'],
  },
  {
    title: 'a fill leaves null rows alone',
    rules: () => ({ mayFill: (row) => row === undefined }),
    breaks: ['commit: replaces a null row by', 'commit: replaces a null row that'],
  },
  {
    title: 'a fill leaves null rows of the host alone',
    rules: () => ({
      mayFill: (row, value, all) => row?.isCommitted !== false && SOUND.mayFill(row, value, all),
    }),
    breaks: ['commit: replaces a null row by'],
  },
  {
    title: 'a null that a commit wrote counts as a value',
    rules: () => ({
      mayFill: (row, value, all) => !row?.isCommitted && SOUND.mayFill(row, value, all),
    }),
    breaks: ['commit: replaces a null row that'],
  },
  {
    title: 'a page to fill takes a null that a commit wrote for a value',
    rules: () => ({
      shownValue: ({ value, isCommitted }, mode) => (mode === 'fill' && isCommitted ? true : value),
    }),
    breaks: ['commit: replaces a null row that'],
  },
  {
    title: 'a null replaces a value',
    rules: () => ({
      mayFill: (row, value, all) => SOUND.mayFill(row, value, all) || value === null,
    }),
    breaks: ['commit: writes null where'],
  },
  {
    title: 'null rows are never written',
    rules: () => ({
      mayFill: (row, value, all) => value !== null && SOUND.mayFill(row, value, all),
    }),
    breaks: ['commit: writes null where'],
  },
  {
    title: 'only the first of several values is written',
    rules: () => ({ mostValues: 1 }),
    breaks: [
      'readInstances: shows a value',
      'commit: inserts values',
      'commit: when it fills, keeps a',
      'commit: when it fills, keeps values',
      'commit: writes null where',
      'commit: writes all',
      'metadata: accepts any text as a key',
      'metadata: distinguishes keys',
      'metadata: accepts any text as a value',
      'metadata: accepts a long',
      'commit: when it deletes, leaves',
      'metadata: stores a key',
    ],
  },
  {
    title: 'a batch that only fills mixes values up if its instances have different numbers of keys',
    rules: () => ({
      storedValue(value, write, batch) {
        const index = batch.findIndex(({ values }) => values.includes(write));
        const [own, before] = [batch[index]?.values ?? [], batch[index - 1]?.values ?? []];
        const onlyFill = [...before, ...own].every(({ replaces }) => replaces === undefined);
        return onlyFill && before.length > own.length ? (before.at(-1)?.value ?? null) : value;
      },
    }),
    breaks: ['commit: inserts values'],
  },
  {
    title: 'a write changes all rows of its instance',
    rules: () => ({
      storedKeys: (key, rows) => [key, ...[...rows.keys()].filter((other) => other !== key)],
    }),
    breaks: [
      'readInstances: shows a value',
      'commit: inserts values',
      'commit: when it fills, keeps a',
      'commit: writes null where',
      'commit: leaves other rows',
      'metadata: distinguishes keys',
      'metadata: accepts any text as a value',
      'metadata: accepts a long',
      'commit: when it deletes, leaves',
    ],
  },
  {
    title: 'a commit of a single overwrite changes all rows of its instance',
    rules: () => ({
      storedKeys(key, rows, { replaces }, batch) {
        const isSingle = batch.length === 1 && batch[0]?.values.length === 1;
        return replaces !== undefined && isSingle ? [key, ...rows.keys()] : [key];
      },
    }),
    breaks: ['commit: leaves other rows'],
  },
  {
    title: 'a replacement compares nothing',
    rules: () => ({ mayReplace: () => true }),
    breaks: [
      'commit: when it overwrites, keeps a value',
      'commit: when it overwrites, keeps a row',
      'commit: while live instances',
    ],
  },
  {
    title: 'a replacement compares only values',
    rules: () => ({
      mayReplace: (row, replaces) => row?.value === replaces.value,
    }),
    breaks: ['commit: when it overwrites, keeps a row'],
  },
  {
    title: 'a replacement never happens',
    rules: () => ({ mayReplace: () => false }),
    breaks: [
      'commit: overwrites the',
      'commit: leaves other rows',
      'metadata: accepts any text as a key',
      'commit: when it deletes, leaves',
    ],
  },
  {
    title: 'a replacement by a value inserts a deleted row',
    rules: () => ({ neverInserts: ({ replaces, value }) => replaces !== undefined && value === null }),
    breaks: ['commit: when it overwrites, does'],
  },
  {
    title: 'values of gone instances are written',
    rules: () => ({ isLiving: () => true }),
    breaks: [
      'commit: tells',
      'commit: reports instances',
      'commit: while instances',
      'instance ids: accepts any text',
      'commit: when it deletes, reports',
    ],
  },
  {
    title: 'the end of a large batch is lost',
    rules: () => ({ mostInstances: 1000 }),
    breaks: ['commit: writes all'],
  },
];
