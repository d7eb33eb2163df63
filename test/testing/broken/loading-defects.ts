import type { RunRecord } from 'process-metadata-backfill';
import type { Defect } from './defect.js';
import { SOUND } from './rules.js';

/** Repositories that load or find the wrong records of runs. */
export const loadingDefects: readonly Defect[] = [
  {
    title: 'a run is found by a prefix of its id',
    rules: () => ({
      loaded: (records, runId) => records.filter((record) => record.runId.startsWith(runId)),
    }),
    breaks: [
      'loadRun: returns all records',
      'commit: stores new records beside',
      'commit: answers conflict and changes nothing when one of',
    ],
  },
  {
    title: 'a run is also found by its id without the last character',
    rules: () => ({
      loaded: (records, runId) =>
        records.filter((record) => record.runId === runId || record.runId.slice(0, -1) === runId),
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
      'commit: stores new records beside',
      'commit: answers conflict and changes nothing when one of',
    ],
  },
  {
    title: 'before the first commit, there is no table of runs',
    rules: () => {
      let isThere = false;
      return {
        comparedRecords(expected) {
          isThere = true;
          return expected;
        },
        loaded(records, runId) {
          if (!isThere) throw new Error('no such table: runs');
          return SOUND.loaded(records, runId);
        },
      };
    },
    breaks: ['loadRun: returns an empty'],
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
    title: 'of two copies of a record, the one with the greater revision is loaded',
    rules: () => {
      const copies = new Map<string, RunRecord>();
      return {
        loaded: (records, runId) =>
          SOUND.loaded(records, runId).map((record) => {
            const copy = copies.get(record.id) ?? record;
            const newest = copy.revision > record.revision ? copy : record;
            copies.set(record.id, newest);
            return newest;
          }),
      };
    },
    breaks: ['loadRun: returns what was'],
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
    breaks: [
      'findRuns: returns one record',
      'findRuns: filters by model',
      'findRuns: pages through',
      'commit: stores new records beside',
    ],
  },
  {
    title: 'runs are found without their content',
    rules: () => ({
      foundPage: (records, limit) =>
        SOUND.foundPage(records, limit).map((record) => ({ ...record, content: {} })),
    }),
    breaks: ['findRuns: returns one record'],
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
];
