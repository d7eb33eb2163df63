import {
  type BackfillJob,
  type BackfillQueue,
  createBackfillService,
  type RepositoryCommit,
} from '../../../src/index.js';
import { createMemoryRepository } from '../../../src/memory/index.js';
import { invoices, MODEL, PATHS } from '../../support/instances.js';
import { intercept } from '../../support/intercept.js';
import { testRuntime } from '../../support/test-runtime.js';

export const STALE = { staleAfterMs: 60_000 };

export function setUp(count = 30) {
  const memory = createMemoryRepository({ instances: invoices(count) });
  const runtime = testRuntime();
  const jobs: BackfillJob[] = [];
  let isDown = false;
  const queue: BackfillQueue = {
    async enqueue(job) {
      if (isDown) throw new Error('queue is down');
      jobs.push(job);
    },
  };
  const at: { batch: ((batch: number) => Promise<void>) | null } = { batch: null };
  let batches = 0;
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    const isBatch = method === 'commit' && (argument as { instances: unknown[] }).instances.length > 0;
    if (isBatch) batches += 1;
    if (isBatch) await at.batch?.(batches);
    return proceed();
  });
  const service = createBackfillService({ repository, queue, runtime, batchSize: 10 });
  return {
    memory,
    repository,
    runtime,
    jobs,
    service,
    at,
    queueIsDown: (value: boolean) => (isDown = value),
    async request(rest: object = {}) {
      const result = await service.request({ processModelId: MODEL, paths: PATHS, ...rest });
      return 'runId' in result ? result.runId : '';
    },
    handle: (index: number) => service.handle(jobs[index]?.payload),
    sleep: (minutes: number) => runtime.sleep(minutes * 60_000),
  };
}

/** Whether a commit ends a run as completed. */
export function isCompletion({ instances, next }: RepositoryCommit): boolean {
  if (instances.length > 0) return false;
  const records = next({ gone: [], kept: [], moved: [] });
  return records.some(({ content }) => Object(content).state === 'completed');
}
