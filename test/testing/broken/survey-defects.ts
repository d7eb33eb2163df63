import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** Repositories that count instances, compare cursors or split ranges wrongly. */
export const surveyDefects: readonly Defect[] = [
  {
    title: 'the survey counts all instances, whatever its limit',
    rules: () => ({
      surveyOf: (found, _, ids) => SOUND.surveyOf(found, null, ids),
    }),
    breaks: ['surveyInstances: counts no'],
  },
  {
    title: 'the survey gives the last cursor, whatever its limit',
    rules: () => ({
      surveyOf: (found, limit, ids) => ({
        ...SOUND.surveyOf(found, limit, ids),
        upTo: found.at(-1)?.cursor ?? null,
      }),
    }),
    breaks: ['surveyInstances: counts no'],
  },
  {
    title: 'the survey also counts the models whose names go on with a slash',
    rules: () => ({
      isSelected: (instance, model, ids, reader) =>
        SOUND.isSelected(instance, model, ids, reader) ||
        (reader === 'survey' && ids === null && instance.processModelId.startsWith(`${model}/`)),
    }),
    breaks: ['surveyInstances: counts the'],
  },
  {
    title: 'the survey counts the instance at `after`, too',
    rules: () => ({
      isAfter: (cursor, after, reader) => (reader === 'survey' ? cursor >= after : cursor > after),
    }),
    breaks: ['surveyInstances: counts from'],
  },
  {
    title: 'the survey of nothing has a bound',
    rules: () => ({
      surveyOf: (found, limit, ids) =>
        found.length > 0 ? SOUND.surveyOf(found, limit, ids) : { total: 0, upTo: 0 },
    }),
    breaks: ['surveyInstances: counts only', 'surveyInstances: answers'],
  },
  {
    title: 'the survey of a model without instances has a bound',
    rules: () => ({
      surveyOf(found, limit, ids) {
        if (found.length === 0 && ids === null) return { total: 0, upTo: 0 };
        return SOUND.surveyOf(found, limit, ids);
      },
    }),
    breaks: ['surveyInstances: answers'],
  },
  {
    title: 'cursors are compared as text',
    rules: () => ({
      compareCursors: asText,
    }),
    breaks: ['readInstances: in pages', 'compareCursors: sorts as'],
  },
  {
    title: 'no cursor is said to be behind another',
    rules: () => ({ compareCursors: (a, b) => (a < b ? -1 : 0) }),
    breaks: ['compareCursors: sorts as'],
  },
  {
    title: 'cursors are digits of one length, compared as text',
    rules: () => ({ cursorOf: (n) => 10_000 + n, shownCursor: String, compareCursors: asText }),
    breaks: ['surveyInstances: finds an instance with digits'],
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

function asText(a: number, b: number): number {
  return String(a) < String(b) ? -1 : Number(a !== b);
}
