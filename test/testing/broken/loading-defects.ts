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
];
