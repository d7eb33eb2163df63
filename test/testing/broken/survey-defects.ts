import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** Repositories that count instances, compare cursors or split ranges wrongly. */
export const surveyDefects: readonly Defect[] = [
  {
    title: 'the survey counts all instances, whatever its limit',
    rules: () => ({
      surveyOf: (found) => SOUND.surveyOf(found, null),
    }),
    breaks: ['surveyInstances: counts no'],
  },
  {
    title: 'the survey gives the last cursor, whatever its limit',
    rules: () => ({
      surveyOf: (found, limit) => ({
        ...SOUND.surveyOf(found, limit),
        upTo: found.at(-1)?.cursor ?? null,
      }),
    }),
    breaks: ['surveyInstances: counts no'],
  },
  {
    title: 'the survey of nothing has a bound',
    rules: () => ({
      surveyOf: (found, limit) => (found.length > 0 ? SOUND.surveyOf(found, limit) : { total: 0, upTo: 0 }),
    }),
    breaks: ['surveyInstances: counts only', 'surveyInstances: answers'],
  },
  {
    title: 'cursors are compared as text',
    rules: () => ({
      compareCursors: (a, b) => (String(a) < String(b) ? -1 : Number(a !== b)),
    }),
    breaks: ['readInstances: in pages', 'compareCursors: sorts as'],
  },
  {
    title: 'a split returns the bound of the last part, too',
    rules: () => ({ splitAt: (found, parts) => [...SOUND.splitAt(found, parts), found.at(-1)?.cursor ?? 0] }),
    breaks: ['splitInstances: splits'],
  },
  {
    title: 'a split returns a bound below its range',
    rules: () => ({ splitAt: (found, parts) => [1, ...SOUND.splitAt(found, parts - 1)] }),
    breaks: ['splitInstances: splits'],
  },
];
