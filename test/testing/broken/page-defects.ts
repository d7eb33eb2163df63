import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** Repositories whose pages have the wrong instances of a range, or none after an abort. */
export const pageDefects: readonly Defect[] = [
  {
    title: 'a page is not ordered',
    rules: () => ({
      pageOf: (found, limit) => found.slice(0, limit).toReversed(),
    }),
    breaks: [
      'readInstances: loses none',
      'readInstances: answers each',
      'readInstances: in pages',
      'compareCursors: sorts as',
      'readInstances: skips',
      'readInstances: leaves data',
      'readInstances: shows which',
    ],
  },
  {
    title: 'a page starts with the instances that have values',
    rules: () => ({
      pageOf: (found, limit, paths) =>
        SOUND.pageOf(found, limit, paths).toSorted(
          (a, b) => Number(b.rows.size > 0) - Number(a.rows.size > 0),
        ),
    }),
    breaks: ['readInstances: answers each', 'readInstances: in pages', 'readInstances: skips'],
  },
  {
    title: 'a page has no limit',
    rules: () => ({ pageOf: (found) => found }),
    breaks: [
      'readInstances: loses none',
      'readInstances: answers each',
      'readInstances: in pages',
      'readInstances: returns the',
      'readInstances: skips',
    ],
  },
  {
    title: 'a page has the last instances of its range',
    rules: () => ({ pageOf: (found, limit) => found.slice(-limit) }),
    breaks: [
      'readInstances: loses none',
      'readInstances: answers each',
      'readInstances: in pages',
      'readInstances: returns the',
      'readInstances: skips',
    ],
  },
  {
    title: 'the limit of a page counts rows, not instances',
    rules: () => ({
      pageOf(found, limit) {
        let rows = 0;
        return found.filter((instance) => {
          rows += Math.max(1, instance.rows.size);
          return rows <= limit;
        });
      },
    }),
    breaks: ['readInstances: answers each', 'readInstances: returns the', 'readInstances: skips'],
  },
  {
    title: 'the limit of a page counts rows, as many for each instance as the page has keys',
    rules: () => ({
      pageOf(found, limit, paths) {
        let rows = 0;
        return found.filter((instance) => {
          rows += Math.max(1, paths.filter(({ key }) => instance.rows.has(key)).length);
          return rows <= limit * paths.length;
        });
      },
    }),
    breaks: ['readInstances: returns the'],
  },
  {
    title: 'an aborted read answers an empty page',
    rules: () => ({ onAbort: () => [] }),
    breaks: ['readInstances: ends when'],
  },
  {
    title: 'an aborted read leaves the connection unusable',
    rules: () => {
      let isUsable = true;
      return {
        onAbort(reason) {
          isUsable = false;
          throw reason;
        },
        pageOf(found, limit) {
          if (!isUsable) throw new Error('the connection was left in a transaction');
          return found.slice(0, limit);
        },
      };
    },
    breaks: ['readInstances: ends when'],
  },
  {
    title: 'an instance is passed over if one key has a value',
    rules: () => ({
      isFilled: (paths, rows) => paths.some(({ key, mode }) => mode === 'fill' && rows.get(key)),
    }),
    breaks: [
      'commit: replaces a null row that',
      'readInstances: skips',
      'readInstances: shows which',
      'readInstances: leaves data',
    ],
  },
  {
    title: 'an instance with a null row is passed over',
    rules: () => ({
      isFilled: (paths, rows) => paths.every(({ key, mode }) => mode === 'fill' && rows.has(key)),
    }),
    breaks: [
      'commit: replaces a null row that',
      'readInstances: skips',
      'readInstances: shows which',
      'readInstances: leaves data',
    ],
  },
  {
    title: 'an instance is passed over if all keys to fill have a value',
    rules: () => ({
      isFilled(paths, rows) {
        const filled = paths.filter(({ mode }) => mode === 'fill');
        return filled.length > 0 && filled.every(({ key }) => (rows.get(key)?.value ?? null) !== null);
      },
    }),
    breaks: ['readInstances: skips'],
  },
  {
    title: 'instances passed over in a row count as one',
    rules: () => ({ passedOver: (cursor) => ({ cursor, filled: 1 }) }),
    breaks: ['readInstances: answers each', 'readInstances: skips', 'readInstances: leaves data'],
  },
  {
    title: 'instances passed over have the cursor of the first',
    rules: () => ({
      passedOver: (cursor, before) => ({
        ...SOUND.passedOver(cursor, before),
        ...(before && { cursor: before.cursor }),
      }),
    }),
    breaks: ['readInstances: answers each', 'readInstances: skips', 'readInstances: leaves data'],
  },
  {
    title: 'an instance is passed over although its value is to be overwritten',
    rules: () => ({
      isFilled: (paths, rows) => paths.every(({ key }) => (rows.get(key)?.value ?? null) !== null),
    }),
    breaks: [
      'readInstances: answers each',
      'readInstances: in pages',
      'readInstances: skips',
      'readInstances: leaves data',
      'readInstances: shows the rows',
      'readInstances: shows which',
      'readInstances: shows a value',
      'readInstances: gives a',
      'commit: overwrites the',
      'commit: when it overwrites, keeps a value',
      'commit: when it overwrites, keeps a row',
      'commit: when it overwrites, does',
      'commit: leaves other',
      'commit: writes all',
      'commit: while live instances',
      'metadata: accepts any text as a key',
      'commit: replaces the value',
      'commit: when it replaces by null',
      'commit: deletes the',
      'commit: when it deletes, keeps',
      'commit: when it deletes, reports',
      'commit: when it deletes, leaves',
      'metadata: stores a key',
      'readInstances: shows no row',
    ],
  },
];
