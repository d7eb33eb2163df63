import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** Repositories that take an instance into a range that is not in it, or leave one out. */
export const rangeDefects: readonly Defect[] = [
  {
    title: '`after` is inclusive',
    rules: () => ({ isAfter: (cursor, after) => cursor >= after }),
    breaks: [
      'readInstances: loses none',
      'readInstances: answers each',
      'surveyInstances: counts from',
      'readInstances: in pages',
      'readInstances: begins strictly',
      'readInstances: returns only',
      'splitInstances: splits',
      'commit: accepts a range as',
      'readInstances: skips',
      'readInstances: leaves data',
      'readInstances: shows which',
    ],
  },
  {
    title: 'a page compares `after` as text',
    rules: () => ({
      isAfter: (cursor, after, reader) =>
        reader.startsWith('page') ? String(cursor) > String(after) : cursor > after,
    }),
    breaks: ['readInstances: in pages'],
  },
  {
    title: 'the instance at `after` is looked up, and nothing is found behind a deleted one',
    rules: () => ({ startOf: (after, isStillThere) => (isStillThere ? after : Number.POSITIVE_INFINITY) }),
    breaks: ['readInstances: begins strictly'],
  },
  {
    title: 'a commit takes the instance at `after` for one that is left',
    rules: () => ({
      isAfter: (cursor, after, reader) => (reader === 'commit' ? cursor >= after : cursor > after),
    }),
    breaks: ['commit: accepts a range as'],
  },
  {
    title: '`upTo` is exclusive',
    rules: () => ({ isUpTo: (cursor, upTo) => cursor < upTo }),
    breaks: [
      'readInstances: loses none',
      'readInstances: answers each',
      'readInstances: in pages',
      'readInstances: ends with',
      'readInstances: puts an',
      'readInstances: ends when',
      'commit: answers not-exhausted',
      'readInstances: skips',
      'readInstances: leaves data',
      'readInstances: shows which',
    ],
  },
  {
    title: '`upTo` is ignored',
    rules: () => ({ isUpTo: () => true }),
    breaks: [
      'readInstances: ends with',
      'readInstances: puts an',
      'commit: accepts a range as',
      'readInstances: in pages',
      'readInstances: skips',
      'readInstances: leaves data',
    ],
  },
  {
    title: 'a page to fill ends one cursor too late',
    rules: () => ({
      isUpTo: (cursor, upTo, reader) => cursor <= upTo + Number(reader === 'page to fill'),
    }),
    breaks: ['readInstances: ends with'],
  },
  {
    title: 'instances that were created since the last survey are on every page',
    rules: () => {
      let surveyed = Number.POSITIVE_INFINITY;
      return {
        surveyOf(found, limit, ids) {
          surveyed = found.at(-1)?.cursor ?? surveyed;
          return SOUND.surveyOf(found, limit, ids);
        },
        isUpTo: (cursor, upTo) => cursor <= upTo || cursor > surveyed,
      };
    },
    breaks: ['readInstances: puts an'],
  },
  {
    title: 'cursors do not grow with creation',
    rules: () => ({ cursorOf: (n) => (n * 7919) % 10_007 }),
    breaks: [
      'readInstances: answers each',
      'surveyInstances: counts the',
      'surveyInstances: counts from',
      'surveyInstances: counts only',
      'readInstances: in pages',
      'readInstances: begins strictly',
      'readInstances: ends with',
      'readInstances: returns the',
      'readInstances: returns only',
      'readInstances: puts an',
      'commit: answers not-exhausted',
      'readInstances: skips',
    ],
  },
  {
    title: 'instances that were inserted at once have one cursor',
    rules: () => ({ cursorOf: (_, first) => first }),
    breaks: ['readInstances: loses none'],
  },
  {
    title: 'deleted instances stay in the walk',
    rules: () => ({ isReadable: () => true }),
    breaks: [
      'surveyInstances: counts from',
      'surveyInstances: counts only',
      'readInstances: begins strictly',
      'readInstances: leaves the',
      'readInstances: leaves out',
      'commit: accepts a range as',
      'processModelId: accepts any',
      'processModelId: distinguishes',
      'processModelId: takes no',
    ],
  },
  {
    title: 'deleted instances stay in the walk if they have tasks',
    rules: () => ({ isReadable: ({ isDeleted, tasks }) => !isDeleted || tasks.length > 0 }),
    breaks: ['readInstances: leaves out'],
  },
];
