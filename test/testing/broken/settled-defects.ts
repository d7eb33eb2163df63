import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** Mistakes about open transactions. */
export const settledDefects: readonly Defect[] = [
  {
    title: 'each mark is a new one',
    rules: () => {
      let marks = 0;
      return {
        settled(open, given) {
          marks += 1;
          const answer = SOUND.settled(open, given?.replace(/;.*/, '') ?? null);
          return { ...answer, mark: `${answer.mark};${marks}` };
        },
      };
    },
    breaks: ['settled: returns the mark'],
  },
  {
    title: 'no transaction is ever open',
    rules: () => ({ settled: (_, given) => ({ mark: given ?? '', settled: true }) }),
    breaks: ['settled: is false while'],
  },
  {
    title: 'the transactions of a mark never end',
    rules: () => ({
      settled: (open, given) => ({
        ...SOUND.settled(open, given),
        settled: (given ?? [...open].join()) === '',
      }),
    }),
    breaks: ['settled: is true once'],
  },
  {
    title: 'every open transaction counts, also a later one',
    rules: () => ({
      settled: (open, given) => ({ ...SOUND.settled(open, given), settled: open.size === 0 }),
    }),
    breaks: ['settled: counts no transaction that began after'],
  },
];
