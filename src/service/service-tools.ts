import { isBackfillError } from '../errors.js';
import type { BackfillQueue } from '../ports/queue.js';
import type { RunFilter, RunRecord } from '../ports/repository.js';
import { type PortCalls, portCalls } from '../run/access/port-calls.js';
import type { ShardJob } from '../run/job/claim-job.js';
import { enqueueStep } from '../run/job/enqueue-step.js';
import { watchProgress } from '../run/record/progress.js';
import { headerFrom, type RunHeader } from '../run/record/run-record.js';
import type { Worker } from '../run/worker.js';

/** What the calls of a service that are not jobs work with. */
export interface ServiceTools {
  readonly worker: Worker;
  /** Calls that tell of this run in their errors. */
  portsFor(runId: string): PortCalls;
  enqueue(job: ShardJob, options?: Parameters<typeof enqueueStep>[2]): Promise<void>;
  findRuns(filter: Partial<RunFilter>, transaction?: unknown): Promise<readonly RunRecord[]>;
  /** All active runs, however many pages they take, newest first. */
  activeRecords(processModelId: string | null, transaction?: unknown): AsyncGenerator<RunRecord>;
}

/** The headers among records, without those that another version has stored in another format. */
export function readableHeaders(records: readonly RunRecord[]): RunHeader[] {
  return records.flatMap((record) => {
    try {
      return [headerFrom(record)];
    } catch (error) {
      if (isBackfillError(error, 'RUN_FORMAT')) return [];
      throw error;
    }
  });
}

const PAGE = 100;

export function serviceTools(worker: Worker, queue: BackfillQueue<unknown>): ServiceTools {
  const portsFor = (runId: string): PortCalls => portCalls(worker, watchProgress(runId, worker));

  async function findRuns(filter: Partial<RunFilter>, transaction?: unknown): Promise<readonly RunRecord[]> {
    const query = {
      processModelId: null,
      activeKey: null,
      active: null,
      before: null,
      limit: PAGE,
      ...filter,
    };
    return portsFor('').call('repository.findRuns', () => worker.repository.findRuns(query, { transaction }));
  }

  return {
    worker,
    portsFor,
    findRuns,
    enqueue: (job, options) =>
      portsFor(job.runId).call('queue.enqueue', () => enqueueStep(queue, job, options)),
    async *activeRecords(processModelId, transaction) {
      for (let before: string | null = null; ; ) {
        const page: readonly RunRecord[] = await findRuns(
          { processModelId, active: true, before },
          transaction,
        );
        yield* page;
        before = page.at(-1)?.runId ?? null;
        if (page.length < PAGE) return;
      }
    },
  };
}
