import { formatMetadataValue } from 'process-metadata-backfill';
import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** How adapters write what they must not, or tell it wrong. */
export const writeDefects: readonly Defect[] = [
  {
    title: 'a fill overwrites what is there',
    rules: () => ({ mayFill: () => true }),
    breaks: [
      'commit: when it fills, keeps a',
      'commit: when it fills, keeps values',
      'commit: writes null where',
      'commit: beside live instances',
    ],
  },
  {
    title: 'a fill takes falsy values for nothing',
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
    title: 'of several values, only the first is written',
    rules: () => ({ mostValues: 1 }),
    breaks: [
      'readInstances: shows a value',
      'commit: inserts values',
      'commit: when it fills, keeps a',
      'commit: when it fills, keeps values',
      'commit: writes null where',
      'commit: writes a batch',
      'metadata: takes any text for a key',
      'metadata: tells keys apart',
      'metadata: takes any text for a value',
      'metadata: takes a long',
    ],
  },
  {
    title: 'a write takes all rows of its instance along',
    rules: () => ({
      storedKeys: (key, rows) => [key, ...[...rows.keys()].filter((other) => other !== key)],
    }),
    breaks: [
      'readInstances: shows a value',
      'commit: inserts values',
      'commit: when it fills, keeps a',
      'commit: writes null where',
      'commit: leaves other rows',
      'metadata: tells keys apart',
      'metadata: takes any text for a value',
      'metadata: takes a long',
    ],
  },
  {
    title: 'a replacement is blind',
    rules: () => ({ mayReplace: () => true }),
    breaks: [
      'commit: when it overwrites, keeps',
      'commit: when it overwrites, takes',
      'commit: beside live instances',
    ],
  },
  {
    title: 'a replacement compares values alone',
    rules: () => ({
      mayReplace: (row, replaces) => row?.value === replaces.value,
    }),
    breaks: ['commit: when it overwrites, takes'],
  },
  {
    title: 'a replacement never happens',
    rules: () => ({ mayReplace: () => false }),
    breaks: ['commit: overwrites the', 'commit: leaves other rows', 'metadata: takes any text for a key'],
  },
  {
    title: 'a replacement puts back what was deleted',
    rules: () => ({ neverInserts: () => false }),
    breaks: ['commit: when it overwrites, does'],
  },
  {
    title: 'what was kept is not told',
    rules: () => ({ toldAsKept: () => [] }),
    breaks: [
      'commit: when it fills, keeps a',
      'commit: when it fills, keeps values',
      'commit: writes null where',
      'commit: when it overwrites, keeps',
      'commit: when it overwrites, takes',
      'commit: when it overwrites, does',
    ],
  },
  {
    title: 'only the first value kept is told',
    rules: () => ({ toldAsKept: (kept) => kept.slice(0, 1) }),
    breaks: ['commit: when it fills, keeps values', 'commit: writes null where'],
  },
  {
    title: 'what is gone is not told',
    rules: () => ({ toldAsGone: () => [] }),
    breaks: ['commit: tells of instances', 'instance ids: takes any'],
  },
  {
    title: 'what is gone is written all the same',
    rules: () => ({ isLiving: () => true }),
    breaks: ['commit: tells of instances', 'commit: beside instances', 'instance ids: takes any text'],
  },
  {
    title: 'of a large batch, the end is lost',
    rules: () => ({ mostInstances: 1000 }),
    breaks: ['commit: writes a batch'],
  },
  {
    title: 'stale instances are never noticed',
    rules: () => ({ isStale: () => false }),
    breaks: ['commit: answers stale'],
  },
  {
    title: 'every version is stale',
    rules: () => ({ isStale: () => true }),
    breaks: ['commit: answers stale', 'commit: does not call an'],
  },
  {
    title: 'the version stays when a task is completed',
    rules: () => ({ version: () => 'the same' }),
    breaks: ['commit: answers stale'],
  },
  {
    title: 'keys are not case-sensitive',
    rules: () => ({ storedKeys: (key) => [key.toLowerCase()] }),
    breaks: ['metadata: tells keys apart'],
  },
  {
    title: 'keys are shortened',
    rules: () => ({ storedKeys: (key) => [key.slice(0, 100)] }),
    breaks: ['metadata: takes any text for a key'],
  },
  {
    title: 'an empty text is stored as null',
    rules: () => ({ storedValue: (value) => (value === '' ? null : value) }),
    breaks: ['readInstances: shows a value', 'metadata: takes any text for a value'],
  },
  {
    title: 'values are shortened behind the back of `formatValue`',
    rules: () => ({
      storedValue: (value) => (typeof value === 'string' ? value.slice(0, 200) : value),
    }),
    breaks: ['metadata: takes any text for a value', 'metadata: takes a long'],
  },
  {
    title: 'values lose what the column cannot hold',
    rules: () => ({
      storedValue: (value) => (typeof value === 'string' ? value.replaceAll('\0', '') : value),
    }),
    breaks: ['metadata: stores a value'],
  },
  {
    title: '`formatValue` does not say what it shortened',
    rules: () => ({
      formatValue: (value) => ({ ...SOUND.formatValue(value), truncated: false }),
    }),
    breaks: ['metadata: takes a long'],
  },
  {
    title: '`formatValue` has no text for lists',
    rules: () => ({
      formatValue: (value) =>
        Array.isArray(value) ? ({} as never) : formatMetadataValue(value, { maxLength: 255 }),
    }),
    breaks: ['metadata: takes a long', 'formatValue: gives the'],
  },
];
