import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** Repositories that store the records of runs wrongly. */
export const recordDefects: readonly Defect[] = [
  {
    title: 'revisions are not compared',
    rules: () => ({
      isExpected: (stored, expected) => (stored === null) === (expected === null),
    }),
    breaks: [
      'commit: answers conflict and changes nothing when a record has',
      'commit: answers conflict and changes nothing when only',
      'commit: when several name',
      'commit: locks records',
    ],
  },
  {
    title: 'revisions are compared by their last characters',
    rules: () => ({
      isExpected: (stored, expected) =>
        stored === expected || (stored !== null && stored.slice(-4) === expected?.slice(-4)),
    }),
    breaks: ['commit: answers conflict and changes nothing when a record has'],
  },
  {
    title: 'only the first of the expected revisions is compared',
    rules: () => ({ comparedRecords: (expected) => expected.slice(0, 1) }),
    breaks: [
      'commit: answers conflict and changes nothing when only',
      'commit: answers conflict and changes nothing when one of',
    ],
  },
  {
    title: 'of several stored records, only the revision of the first is compared',
    rules: () => ({
      comparedRecords: (expected) =>
        expected.filter(({ revision }, index) => index === 0 || revision === null),
    }),
    breaks: ['commit: answers conflict and changes nothing when only'],
  },
  {
    title: 'a record that exists may be created',
    rules: () => ({
      isExpected: (stored, expected) => expected === null || stored === expected,
    }),
    breaks: [
      'commit: answers conflict and changes nothing when a record exists',
      'commit: when several create',
      'commit: answers conflict and changes nothing when one of',
    ],
  },
  {
    title: 'a commit with values may create a record that exists',
    rules: () => ({
      isExpected: (stored, expected, batch) => stored === expected || (expected === null && batch.length > 0),
    }),
    breaks: ['commit: answers conflict and changes nothing when a record exists'],
  },
  {
    title: 'a record that does not exist may be changed',
    rules: () => ({
      isExpected: (stored, expected) => stored === null || stored === expected,
    }),
    breaks: ['commit: answers conflict and changes nothing when a record does'],
  },
  {
    title: 'active keys are not unique',
    rules: () => ({ isKeyTaken: () => false }),
    breaks: [
      'commit: answers conflict and changes nothing when another',
      'commit: when several take',
      'transactions: a refused',
    ],
  },
  {
    title: 'a stored record may take the active key of another',
    rules: () => ({
      isKeyTaken: (activeKey, others, isNew) => isNew && SOUND.isKeyTaken(activeKey, others, isNew),
    }),
    breaks: ['commit: answers conflict and changes nothing when another'],
  },
  {
    title: 'active keys are not case-sensitive',
    rules: () => ({
      isKeyTaken: (activeKey, others) =>
        others.some((other) => other.activeKey?.toLowerCase() === activeKey.toLowerCase()),
    }),
    breaks: ['commit: distinguishes active'],
  },
  {
    title: 'an active key is never freed',
    rules: () => {
      const taken = new Set<string>();
      return {
        isKeyTaken(activeKey, others, isNew) {
          if (taken.has(activeKey)) return SOUND.isKeyTaken(activeKey, others, isNew) || others.length > 0;
          taken.add(activeKey);
          return false;
        },
      };
    },
    breaks: ['commit: accepts an active'],
  },
  {
    title: 'nobody checks whether an instance is left',
    rules: () => ({ isLeft: () => false }),
    breaks: ['commit: answers not-exhausted'],
  },
  {
    title: 'only the first record of a commit is stored',
    rules: () => ({ storedRecords: (records) => records.slice(0, 1) }),
    breaks: [
      'commit: stores values and',
      'commit: answers conflict and changes nothing when only',
      'loadRun: returns all records',
      'commit: stores new records beside',
    ],
  },
  {
    title: 'of several stored records, only the first is changed',
    rules: () => ({
      storedRecords: (records, isStored) => records.filter(({ id }, index) => index === 0 || !isStored(id)),
    }),
    breaks: ['commit: stores values and'],
  },
  {
    title: 'new records beside a changed one are not stored',
    rules: () => ({
      storedRecords: (records, isStored) => {
        const changed = records.filter(({ id }) => isStored(id));
        return changed.length > 0 ? changed : records;
      },
    }),
    breaks: ['commit: stores new records beside'],
  },
  {
    title: 'all records of a commit get the run id of the first',
    rules: () => ({
      storedRecords: (records) => records.map((record) => ({ ...record, runId: records[0]?.runId ?? '' })),
    }),
    breaks: ['commit: stores new records beside'],
  },
  {
    title: 'a record that exists may be created beside a changed one',
    rules: () => ({
      comparedRecords: (expected) =>
        expected.some(({ revision }) => revision !== null)
          ? expected.filter(({ revision }) => revision !== null)
          : expected,
    }),
    breaks: ['commit: answers conflict and changes nothing when one of'],
  },
  {
    title: 'content has a size limit',
    rules: () => ({
      storedContent: (content) => (JSON.stringify(content).length > 10_000 ? {} : content),
    }),
    breaks: ['loadRun: returns long'],
  },
  {
    title: 'content loses characters that jsonb cannot hold',
    rules: () => ({
      storedContent: (content) => JSON.parse(JSON.stringify(content).replaceAll('\\u0000', '')),
    }),
    breaks: ['loadRun: returns content'],
  },
];
