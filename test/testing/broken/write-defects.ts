import { formatMetadataValue } from 'process-metadata-backfill';
import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** Repositories that write what they must not, or report it wrongly. */
export const writeDefects: readonly Defect[] = [
  {
    title: 'a fill overwrites values',
    rules: () => ({ mayFill: () => true }),
    breaks: [
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
      mayFill: (row, value) =>
        SOUND.mayFill(row, value) || ['', '0', 'false'].includes(String(row?.value ?? 'null')),
    }),
    breaks: ['commit: when it fills, keeps values'],
  },
  {
    title: 'a fill leaves null rows alone',
    rules: () => ({ mayFill: (row) => row === undefined }),
    breaks: ['commit: replaces a null'],
  },
  {
    title: 'a null replaces a value',
    rules: () => ({
      mayFill: (row, value) => SOUND.mayFill(row, value) || value === null,
    }),
    breaks: ['commit: writes null where'],
  },
  {
    title: 'null rows are never written',
    rules: () => ({
      mayFill: (row, value) => value !== null && SOUND.mayFill(row, value),
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
    title: 'a replacement compares nothing',
    rules: () => ({ mayReplace: () => true }),
    breaks: [
      'commit: when it overwrites, keeps a value',
      'commit: when it overwrites, keeps a row',
      'commit: while live instances',
      'commit: when it replaces by null',
      'commit: when it deletes, keeps',
    ],
  },
  {
    title: 'a replacement compares only values',
    rules: () => ({
      mayReplace: (row, replaces) => row?.value === replaces.value,
    }),
    breaks: [
      'commit: when it overwrites, keeps a row',
      'commit: when it replaces by null',
      'commit: when it deletes, keeps',
    ],
  },
  {
    title: 'a replacement never happens',
    rules: () => ({ mayReplace: () => false }),
    breaks: [
      'commit: overwrites the',
      'commit: leaves other rows',
      'metadata: accepts any text as a key',
      'commit: replaces the value',
      'commit: deletes the',
      'commit: removes a null row',
      'commit: when it deletes, leaves',
    ],
  },
  {
    title: 'a replacement inserts a deleted row',
    rules: () => ({ neverInserts: () => false }),
    breaks: ['commit: when it overwrites, does', 'commit: when it replaces by null'],
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
    rules: () => ({ leftOfDeleted: 'null' }),
    breaks: ['commit: deletes the', 'commit: removes a null row', 'commit: when it deletes, leaves'],
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
  {
    title: 'values of gone instances are written',
    rules: () => ({ isLiving: () => true }),
    breaks: [
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
  {
    title: 'nobody notices that an instance has moved',
    rules: () => ({ hasMoved: () => false }),
    breaks: ['commit: leaves out', 'commit: waits for a save'],
  },
  {
    title: 'no version is the same as the one given',
    rules: () => ({ hasMoved: (_, given) => given !== undefined }),
    breaks: ['commit: leaves out', 'commit: writes an instance if'],
  },
  {
    title: 'beside instances with a version, one without has moved',
    rules: () => ({
      hasMoved: (current, given, areOthersGiven) => current !== (given ?? (areOthersGiven ? '' : current)),
    }),
    breaks: ['commit: writes an instance if'],
  },
  {
    title: 'a batch of which an instance has moved is not written',
    rules: () => ({ movesAsAWhole: true }),
    breaks: ['commit: leaves out'],
  },
  {
    title: 'moved instances are left out, but not named',
    rules: () => ({ reportedMoved: () => [] }),
    breaks: ['commit: leaves out', 'commit: waits for a save'],
  },
  {
    title: 'instances are locked in descending order',
    rules: () => ({ lockedInstances: (ids) => ids.toReversed() }),
    breaks: ['commit: locks instances'],
  },
  {
    title: 'a row that has appeared meanwhile is reported as a conflict',
    rules: () => ({ conflictsOnNewRows: true }),
    breaks: ['commit: when it fills, waits'],
  },
  {
    title: 'versions are compared before a commit waits for others',
    rules: () => ({ comparesEarly: true }),
    breaks: ['commit: waits for a save'],
  },
  {
    title: 'the version stays the same when a task is completed',
    rules: () => ({ version: () => 'the same' }),
    breaks: ['commit: leaves out', 'commit: waits for a save'],
  },
  {
    title: 'keys are not case-sensitive',
    rules: () => ({ storedKeys: (key) => [key.toLowerCase()] }),
    breaks: ['metadata: distinguishes keys'],
  },
  {
    title: 'keys are shortened',
    rules: () => ({ storedKeys: (key) => [key.slice(0, 100)] }),
    breaks: ['metadata: accepts any text as a key', 'metadata: stores a key'],
  },
  {
    title: 'the limit of keys counts UTF-16 units',
    rules: () => ({ storedKeys: (key) => [key.slice(0, 300)] }),
    breaks: ['metadata: stores a key'],
  },
  {
    title: '`maxKeyLength` is more than the column holds',
    rules: () => ({ maxKeyLength: 300, storedKeys: (key) => [[...key].slice(0, 255).join('')] }),
    breaks: ['metadata: stores a key'],
  },
  {
    title: 'an empty text is stored as null',
    rules: () => ({ storedValue: (value) => (value === '' ? null : value) }),
    breaks: ['readInstances: shows a value', 'metadata: accepts any text as a value'],
  },
  {
    title: 'values are shortened after `formatValue`',
    rules: () => ({
      storedValue: (value) => (typeof value === 'string' ? value.slice(0, 200) : value),
    }),
    breaks: ['metadata: accepts any text as a value', 'metadata: accepts a long'],
  },
  {
    title: 'values lose characters that the column cannot hold',
    rules: () => ({
      storedValue: (value) => (typeof value === 'string' ? value.replaceAll('\0', '') : value),
    }),
    breaks: ['metadata: stores a value'],
  },
  {
    title: '`formatValue` never says `truncated`',
    rules: () => ({
      formatValue: (value) => ({ ...SOUND.formatValue(value), truncated: false }),
    }),
    breaks: ['metadata: accepts a long'],
  },
  {
    title: '`formatValue` has no text for lists',
    rules: () => ({
      formatValue: (value) =>
        Array.isArray(value) ? ({} as never) : formatMetadataValue(value, { maxLength: 255 }),
    }),
    breaks: ['metadata: accepts a long', 'formatValue: returns the'],
  },
];
