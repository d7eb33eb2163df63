import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** Repositories that clear values wrongly. */
export const clearingDefects: readonly Defect[] = [
  {
    title: 'a replacement by null inserts a deleted row',
    rules: () => ({ neverInserts: ({ replaces, value }) => replaces !== undefined && value !== null }),
    breaks: ['commit: when it replaces by null'],
  },
  {
    title: 'a null replaces no value',
    rules: () => ({ mayNull: () => false }),
    breaks: ['commit: replaces the value'],
  },
  {
    title: 'a null replaces any value',
    rules: () => ({ mayNull: () => true }),
    breaks: ['commit: when it replaces by null'],
  },
  {
    title: 'a null compares only values',
    rules: () => ({ mayNull: (row, replaces) => row.value === replaces.value }),
    breaks: ['commit: when it replaces by null'],
  },
  {
    title: 'nothing is deleted',
    rules: () => ({ mayDelete: () => false }),
    breaks: ['commit: deletes the', 'commit: removes a null row', 'commit: when it deletes, leaves'],
  },
  {
    title: 'a deleted row becomes null',
    rules: () => ({ leftOfDeleted: () => 'null' }),
    breaks: ['commit: deletes the', 'commit: removes a null row', 'commit: when it deletes, leaves'],
  },
  {
    title: 'a commit that only deletes makes values null, and deletes only null rows',
    rules: () => ({
      leftOfDeleted(row, batch) {
        const onlyDeletes = batch.every(({ values }) => values.every(({ value }) => value === undefined));
        return onlyDeletes && row?.value !== null ? 'null' : 'nothing';
      },
    }),
    breaks: ['commit: deletes the'],
  },
  {
    title: 'a delete finds no null row',
    rules: () => ({
      mayDelete: (row, replaces, key, rules) =>
        row?.value !== null && SOUND.mayDelete(row, replaces, key, rules),
    }),
    breaks: ['commit: removes a null row'],
  },
  {
    title: 'a delete compares nothing',
    rules: () => ({ mayDelete: (row) => row !== undefined }),
    breaks: ['commit: when it deletes, keeps'],
  },
  {
    title: 'a delete compares only values',
    rules: () => ({ mayDelete: (row, replaces) => row !== undefined && row.value === replaces.value }),
    breaks: ['commit: when it deletes, keeps'],
  },
  {
    title: 'a delete of a row that is not there any more counts as done',
    rules: () => ({
      mayDelete: (row, replaces, key, rules) =>
        row === undefined || SOUND.mayDelete(row, replaces, key, rules),
    }),
    breaks: ['commit: when it deletes, reports'],
  },
  {
    title: 'a delete removes all rows of its instance',
    rules: () => ({ deletedKeys: (_, rows) => [...rows.keys()] }),
    breaks: ['commit: when it deletes, leaves'],
  },
];
