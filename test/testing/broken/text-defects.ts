import { type FormattedValue, formatMetadataValue } from 'process-metadata-backfill';
import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** Repositories that change texts, or do not accept them. */
export const textDefects: readonly Defect[] = [
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
    title: 'values are collected in an object, which has no key `__proto__`',
    rules: () => ({ storedKeys: (key) => (key === '__proto__' ? [] : [key]) }),
    breaks: ['metadata: accepts any text as a key'],
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
    title: 'quotes in values are escaped twice',
    rules: () => ({
      storedValue: (value) => (typeof value === 'string' ? value.replaceAll("'", "''") : value),
    }),
    breaks: ['metadata: accepts any text as a value'],
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
  {
    title: '`formatValue` leaves `truncated` out of a short value',
    rules: () => ({
      formatValue(value) {
        const { text, truncated } = SOUND.formatValue(value);
        return { text, ...(truncated && { truncated }) } as FormattedValue;
      },
    }),
    breaks: ['formatValue: returns the'],
  },
];
