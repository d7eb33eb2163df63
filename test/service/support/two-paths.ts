import type { BackfillJob, BackfillQueue, BackfillService, ExtractionPath } from '../../../src/index.js';
import { MODEL } from '../../support/instances.js';

export const NUMBER: ExtractionPath = { key: 'number', path: 'invoice.number' };
/** The same key from another path. */
export const BILL: ExtractionPath = { key: 'number', path: 'bill.number' };
export const CITY: ExtractionPath = { key: 'city', path: 'city' };

/** Task data with a value at each of these paths. */
export function dataOf(id: number) {
  return { invoice: { number: `old ${id}` }, bill: { number: `new ${id}` }, city: `city ${id}` };
}

/** A queue whose jobs a test works on when it wants to. */
export function createManualQueue() {
  const jobs: BackfillJob[] = [];
  const queue: BackfillQueue = { enqueue: async (job) => void jobs.push(job) };
  return {
    jobs,
    queue,
    /** Works on all jobs that there are, also on those that come from them. */
    async work(service: Pick<BackfillService<never>, 'handle'>, most = Number.POSITIVE_INFINITY) {
      for (let done = 0; done < most; done += 1) {
        const job = jobs.shift();
        if (job === undefined) return;
        await service.handle(job.payload);
      }
    },
  };
}

/** The id of a run that is requested by hand. */
export async function requestRun(
  service: Pick<BackfillService<never>, 'request'>,
  paths: readonly ExtractionPath[],
  rest: object = {},
): Promise<string> {
  const result = await service.request({ processModelId: MODEL, paths, ...rest });
  if (result.status !== 'triggered') throw new Error(result.reason);
  return result.runId;
}
