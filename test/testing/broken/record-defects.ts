import { setImmediate } from 'node:timers/promises';
import type { RunRecord } from 'process-metadata-backfill';
import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** How adapters keep records of runs, transactions and revisions wrongly. */
export const recordDefects: readonly Defect[] = [
  {
    title: 'revisions are not compared',
    rules: () => ({
      isExpected: (stored, expected) => (stored === null) === (expected === null),
    }),
    breaks: [
      'commit: answers conflict, with nothing changed, when a record has',
      'commit: answers conflict, with nothing changed, when only',
      'commit: of several at once over',
    ],
  },
  {
    title: 'a record that exists may be created',
    rules: () => ({
      isExpected: (stored, expected) => expected === null || stored === expected,
    }),
    breaks: [
      'commit: answers conflict, with nothing changed, when a record exists',
      'commit: of several at once that create',
    ],
  },
  {
    title: 'a record that does not exist may be changed',
    rules: () => ({
      isExpected: (stored, expected) => stored === null || stored === expected,
    }),
    breaks: ['commit: answers conflict, with nothing changed, when a record does'],
  },
  {
    title: 'active keys are not unique',
    rules: () => ({ isKeyTaken: () => false }),
    breaks: [
      'commit: answers conflict, with nothing changed, when another',
      'commit: of several at once that take',
      'transactions: a refusal',
    ],
  },
  {
    title: 'active keys are not case-sensitive',
    rules: () => ({
      isKeyTaken: (activeKey, others) =>
        others.some((other) => other.activeKey?.toLowerCase() === activeKey.toLowerCase()),
    }),
    breaks: ['commit: tells active keys'],
  },
  {
    title: 'an active key is never freed',
    rules: () => {
      const taken = new Set<string>();
      return {
        isKeyTaken(activeKey, others) {
          if (taken.has(activeKey)) return SOUND.isKeyTaken(activeKey, others) || others.length > 0;
          taken.add(activeKey);
          return false;
        },
      };
    },
    breaks: ['commit: takes an active'],
  },
  {
    title: 'what is left is not looked for',
    rules: () => ({ isLeft: () => false }),
    breaks: ['commit: answers not-exhausted'],
  },
  {
    title: 'what failed is not undone',
    rules: () => ({ rollBack() {} }),
    breaks: [
      'commit: rejects with nothing',
      'commit: answers conflict, with nothing changed, when another',
      'transactions: a refusal',
    ],
  },
  {
    title: 'another commit may come between check and write',
    rules: () => ({ pause: () => setImmediate() }),
    breaks: [
      'commit: of several at once over',
      'commit: of several at once that create',
      'commit: of several at once that take',
    ],
  },
  {
    title: 'only the first record of a commit is stored',
    rules: () => ({ storedRecords: (records) => records.slice(0, 1) }),
    breaks: [
      'commit: stores values and',
      'commit: answers conflict, with nothing changed, when only',
      'loadRun: returns all records',
    ],
  },
  {
    title: 'content has a limit',
    rules: () => ({
      storedContent: (content) => (JSON.stringify(content).length > 10_000 ? {} : content),
    }),
    breaks: ['loadRun: returns the content'],
  },
  {
    title: 'content loses what jsonb cannot hold',
    rules: () => ({
      storedContent: (content) => JSON.parse(JSON.stringify(content).replaceAll('\\u0000', '')),
    }),
    breaks: ['loadRun: returns content'],
  },
  {
    title: 'a run is found by a prefix of its id',
    rules: () => ({
      loaded: (records, runId) => records.filter((record) => record.runId.startsWith(runId)),
    }),
    breaks: ['loadRun: returns all records'],
  },
  {
    title: 'of a run, only the header is loaded',
    rules: () => ({
      loaded: (records, runId) => records.filter((record) => record.id === runId),
    }),
    breaks: [
      'commit: stores values and',
      'commit: answers conflict, with nothing changed, when only',
      'loadRun: returns all records',
    ],
  },
  {
    title: 'a run that is not there is an error',
    rules: () => ({
      loaded(records, runId) {
        const found = SOUND.loaded(records, runId);
        if (found.length === 0) throw new Error('no such run');
        return found;
      },
    }),
    breaks: [
      'commit: answers conflict, with nothing changed, when a record does',
      'commit: answers conflict, with nothing changed, when another',
      'commit: answers not-exhausted',
      'commit: answers stale',
      'loadRun: of a run that',
      "transactions: what is committed inside one of the host's is gone",
      'transactions: a refusal',
    ],
  },
  {
    title: 'records are cached',
    rules: () => {
      const cache = new Map<string, readonly RunRecord[]>();
      return {
        loaded(records, runId) {
          const found = cache.get(runId) ?? SOUND.loaded(records, runId);
          if (found.length > 0) cache.set(runId, found);
          return found;
        },
      };
    },
    breaks: ['loadRun: returns what was'],
  },
  {
    title: 'runs are found oldest first',
    rules: () => ({ sortRuns: (a, b) => (a.id < b.id ? -1 : 1) }),
    breaks: ['findRuns: returns one record', 'findRuns: goes through'],
  },
  {
    title: 'records of shards are found as runs',
    rules: () => ({
      isFound: (record, filter) => SOUND.isFound({ ...record, id: record.runId }, filter),
    }),
    breaks: ['findRuns: returns one record', 'findRuns: filters by model', 'findRuns: goes through'],
  },
  {
    title: 'runs are found of all models',
    rules: () => ({
      isFound: (record, filter) => SOUND.isFound(record, { ...filter, processModelId: null }),
    }),
    breaks: ['findRuns: filters by model'],
  },
  {
    title: 'runs are found whether they are active or not',
    rules: () => ({
      isFound: (record, filter) =>
        SOUND.isFound(record, { ...filter, active: filter.active === true ? true : null }),
    }),
    breaks: ['findRuns: filters by model'],
  },
  {
    title: '`before` is inclusive',
    rules: () => ({
      isFound: (record, filter) =>
        SOUND.isFound(record, { ...filter, before: filter.before === null ? null : `${filter.before}\0` }),
    }),
    breaks: ['findRuns: goes through'],
  },
  {
    title: 'found runs have no limit',
    rules: () => ({ foundPage: (records) => records }),
    breaks: ['findRuns: goes through'],
  },
  {
    title: 'a commit ignores the transaction that it is given',
    rules: () => ({ isPartOf: () => false }),
    breaks: ["transactions: what is committed inside one of the host's is gone"],
  },
  {
    title: 'a commit inside a transaction is never released',
    rules: () => ({ afterInside: (restore) => restore() }),
    breaks: ["transactions: what is committed inside one of the host's is there", 'transactions: a refusal'],
  },
];
