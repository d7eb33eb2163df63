import {
  createBackfillService,
  type ExtractionPath,
  type PageQuery,
  type RepositoryCommit,
  type RunRecord,
} from '../../../src/index.js';
import { createMemoryRepository } from '../../../src/memory/index.js';
import { ownersRecordId } from '../../../src/run/record/owner-record.js';
import { instance, MODEL } from '../../support/instances.js';
import { intercept } from '../../support/intercept.js';
import { linesLogger } from '../../support/lines.js';
import { testRuntime } from '../../support/test-runtime.js';
import { CITY, createManualQueue, dataOf, NUMBER, requestRun } from './two-paths.js';

type Commit = RepositoryCommit & { next(outcome: never): RunRecord[] };

interface Around {
  /** A commit of three records or more, of which the owner record is one: the end of a verification, or a request. */
  end: ((proceed: () => Promise<unknown>) => Promise<unknown>) | null;
  /** The first read of a walk. */
  walk: (() => Promise<void>) | null;
}

/** Twenty instances whose number and city are filled, in batches of ten. */
export async function fillModel() {
  const memory = createMemoryRepository();
  for (let id = 1; id <= 20; id += 1) memory.insertInstance(instance(id, dataOf(id)));
  const { queue, ...manual } = createManualQueue();
  const around: Around = { end: null, walk: null };
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    if (method === 'readInstances' && (argument as PageQuery).after === null) await around.walk?.();
    if (method !== 'commit' || around.end === null) return proceed();
    const names = (argument as Commit).expected.map(({ id }) => id);
    return names.includes(ownersRecordId(MODEL)) && names.length > 2 ? around.end(proceed) : proceed();
  });
  const options = { repository, runtime: testRuntime(1, 5), logger: linesLogger(), batchSize: 10 };
  const service = createBackfillService({ ...options, queue });
  const work = (most?: number) => manual.work(service, most);
  const request = (paths: readonly ExtractionPath[], rest?: object) => requestRun(service, paths, rest);
  async function verify(paths = [NUMBER, CITY], rest: object = {}): Promise<string> {
    const result = await service.verify({ processModelId: MODEL, paths, ...rest });
    if (result.status !== 'triggered') throw new Error(result.reason);
    return result.runId;
  }
  async function verified(key: string) {
    return (await service.columns(MODEL)).find((column) => column.key === key)?.verified;
  }
  const filler = await request([NUMBER, CITY]);
  await work();
  return { memory, repository, options, service, filler, around, work, request, verify, verified };
}

export type FilledModel = Awaited<ReturnType<typeof fillModel>>;

/** The result of a verification that finds no difference. */
export const EQUAL = { verdict: 'equal', absent: 0, different: 0, orphaned: 0, total: 20, duringFill: false };
