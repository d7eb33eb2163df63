import type { BackfillRepository, RunRecord } from '../../ports/repository.js';
import { isLaterInList } from '../record/listed-records.js';

/** Reads from `repository`. Commits change only records of the run, which are kept in memory. */
export function dryRunRepository(repository: BackfillRepository<unknown>): BackfillRepository<unknown> {
  const records = new Map<string, RunRecord>();
  const {
    storesNull,
    storesAnyText,
    deletes,
    maxKeyLength,
    formatValue,
    compareCursors,
    classifyError,
    splitInstances,
  } = repository;
  return {
    ...(storesNull === undefined ? {} : { storesNull }),
    ...(storesAnyText === undefined ? {} : { storesAnyText }),
    ...(deletes === undefined ? {} : { deletes }),
    ...(maxKeyLength === undefined ? {} : { maxKeyLength }),
    ...(formatValue === undefined ? {} : { formatValue: formatValue.bind(repository) }),
    ...(compareCursors === undefined ? {} : { compareCursors: compareCursors.bind(repository) }),
    ...(classifyError === undefined ? {} : { classifyError: classifyError.bind(repository) }),
    ...(splitInstances === undefined ? {} : { splitInstances: splitInstances.bind(repository) }),
    settled: async () => ({ mark: '', settled: true }), // a dry run waits for nobody
    surveyInstances: (query) => repository.surveyInstances(query),
    readInstances: (query) => repository.readInstances(query),
    async commit({ expected, next }) {
      const isConflict = expected.some(
        ({ id, revision }) => (records.get(id)?.revision ?? null) !== revision,
      );
      if (isConflict) return { status: 'conflict' };
      for (const record of next({ gone: [], kept: [], moved: [] }))
        if (!isLaterInList(record)) records.set(record.id, record); // memory stays flat
      return { status: 'committed' };
    },
    async loadRun(runId) {
      return [...records.values()].filter((record) => record.runId === runId);
    },
    async findRuns() {
      return [];
    },
  };
}
