import { setImmediate } from 'node:timers/promises';
import type { RunRecord } from 'process-metadata-backfill';
import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** Repositories that treat the records of runs, revisions or transactions wrongly. */
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
    title: 'a record that exists may be created',
    rules: () => ({
      isExpected: (stored, expected) => expected === null || stored === expected,
    }),
    breaks: [
      'commit: answers conflict and changes nothing when a record exists',
      'commit: when several create',
    ],
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
        isKeyTaken(activeKey, others) {
          if (taken.has(activeKey)) return SOUND.isKeyTaken(activeKey, others) || others.length > 0;
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
    title: 'a failed commit is not undone',
    rules: () => ({ rollBack() {} }),
    breaks: [
      'commit: rejects and changes',
      'commit: answers conflict and changes nothing when another',
      'transactions: a refused',
    ],
  },
  {
    title: 'another commit can come between check and write',
    rules: () => ({ pause: () => setImmediate() }),
    breaks: ['commit: when several name', 'commit: when several create', 'commit: when several take'],
  },
  {
    title: 'only the first record of a commit is stored',
    rules: () => ({ storedRecords: (records) => records.slice(0, 1) }),
    breaks: [
      'commit: stores values and',
      'commit: answers conflict and changes nothing when only',
      'loadRun: returns all records',
    ],
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
  {
    title: 'a run is found by a prefix of its id',
    rules: () => ({
      loaded: (records, runId) => records.filter((record) => record.runId.startsWith(runId)),
    }),
    breaks: ['loadRun: returns all records'],
  },
  {
    title: 'only the header of a run is loaded',
    rules: () => ({
      loaded: (records, runId) => records.filter((record) => record.id === runId),
    }),
    breaks: [
      'commit: stores values and',
      'commit: answers conflict and changes nothing when only',
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
      'commit: answers conflict and changes nothing when a record does',
      'commit: answers conflict and changes nothing when another',
      'loadRun: returns an empty',
      'transactions: a commit in a transaction of the host is undone',
      'transactions: a refused',
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
    breaks: [
      'loadRun: returns what was',
      'commit: stores values',
      'transactions: a commit in a transaction of the host is stored',
    ],
  },
  {
    title: 'runs are found oldest first',
    rules: () => ({ sortRuns: (a, b) => (a.id < b.id ? -1 : 1) }),
    breaks: ['findRuns: returns one record', 'findRuns: pages through'],
  },
  {
    title: 'records of shards are found as runs',
    rules: () => ({
      isFound: (record, filter) => SOUND.isFound({ ...record, id: record.runId }, filter),
    }),
    breaks: ['findRuns: returns one record', 'findRuns: filters by model', 'findRuns: pages through'],
  },
  {
    title: 'runs of all models are found',
    rules: () => ({
      isFound: (record, filter) => SOUND.isFound(record, { ...filter, processModelId: null }),
    }),
    breaks: ['findRuns: filters by model', 'findRuns: distinguishes'],
  },
  {
    title: 'runs are found whether or not they are active',
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
    breaks: ['findRuns: pages through'],
  },
  {
    title: '`limit` of runs is ignored',
    rules: () => ({ foundPage: (records) => records }),
    breaks: ['findRuns: pages through'],
  },
  {
    title: 'runs of models that differ only in case are found',
    rules: () => ({
      isFound: (record, filter) =>
        SOUND.isFound(
          { ...record, processModelId: record.processModelId.toLowerCase() },
          { ...filter, processModelId: filter.processModelId?.toLowerCase() ?? null },
        ),
    }),
    breaks: ['findRuns: distinguishes'],
  },
  {
    title: 'records are locked in the order in which they are given',
    rules: () => ({ lockedRecords: (ids) => ids }),
    breaks: ['commit: locks records'],
  },
  {
    title: 'a commit ignores the transaction that it is given',
    rules: () => ({ isPartOf: () => false }),
    breaks: ['transactions: a commit in a transaction of the host is undone'],
  },
  {
    title: 'a commit inside a transaction is never released',
    rules: () => ({ afterInside: (restore) => restore() }),
    breaks: [
      'transactions: a commit in a transaction of the host is stored',
      'transactions: a refused',
      'commit: locks records',
    ],
  },
];
