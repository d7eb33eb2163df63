import type { BackfillQueue, JobPayload } from '../../../src/ports/queue.js';
import type { BackfillRepository, RunRecord } from '../../../src/ports/repository.js';
import type { HostTransaction } from './stored-records.js';

/** The formats of records and jobs. The older one is that of the library. */
export const OLDER = 1;
export const NEWER = 2;

type Repository = BackfillRepository<HostTransaction, number>;

/**
 * A repository as a newer version of the library sees it: it stores another format. Here, that version is this library, and
 * only the format is changed on the way.
 */
export function ofNewerVersion(repository: Repository): Repository {
  return {
    ...repository,
    commit: ({ next, ...commit }, options) =>
      repository.commit(
        { ...commit, next: (outcome) => next(outcome).map((record) => inFormat(record, NEWER)) },
        options,
      ),
    loadRun: async (runId, options) => (await repository.loadRun(runId, options)).map(readable),
    findRuns: async (filter, options) => (await repository.findRuns(filter, options)).map(readable),
  };
}

export function newerQueue(queue: BackfillQueue<HostTransaction>): BackfillQueue<HostTransaction> {
  return {
    ...queue,
    enqueue: (job, options) =>
      queue.enqueue({ ...job, payload: { ...job.payload, format: NEWER } as JobPayload }, options),
  };
}

/** A job as a newer version reads it. */
export function readablePayload({ runId, shard, step }: JobPayload): JobPayload {
  return { runId, shard, step };
}

function readable(record: RunRecord): RunRecord {
  return inFormat(record, OLDER);
}

function inFormat(record: RunRecord, format: number): RunRecord {
  return { ...record, content: { ...(record.content as object), format } };
}
