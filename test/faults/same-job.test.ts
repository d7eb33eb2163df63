import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type BackfillService, createBackfillService, type JobPayload } from '../../src/index.js';
import { MODEL } from '../support/instances.js';
import { describeWith } from '../support/servers.js';
import { type CompiledCheckout, compileCheckout } from './support/compiled-checkout.js';
import { createInstances, type FaultHost, openFaultHost, PATHS } from './support/fault-host.js';
import { expectTrueOutcome } from './support/true-outcome.js';
import { startWorker, type WorkerOrders, type WorkerProcess } from './support/worker-process.js';

const INSTANCES = 300;

describeWith(['PostgreSQL'], 'four workers that are handed the same job at once', () => {
  let compiled: CompiledCheckout;
  let host: FaultHost;
  let service: BackfillService;
  let payload: JobPayload;
  let workers: WorkerProcess[] = [];
  beforeAll(async () => {
    compiled = await compileCheckout();
  });
  afterAll(() => compiled?.remove());

  beforeEach(async () => {
    host = await openFaultHost();
    await createInstances(host, INSTANCES);
    const queue = {
      enqueue: async (job: { readonly payload: JobPayload }) => {
        payload = job.payload;
      },
    };
    service = createBackfillService({ repository: host.repository, queue });
    await service.request({ processModelId: MODEL, paths: PATHS });
  });
  afterEach(async () => {
    for (const { child } of workers) child.kill('SIGKILL');
    await Promise.all(workers.map(({ ended }) => ended));
    await host.close();
  });

  async function startFour(orders: Partial<WorkerOrders>): Promise<void> {
    workers = Array.from({ length: 4 }, () => startWorker(compiled, host, orders));
    await Promise.all(workers.map((worker) => worker.reaches('work')));
  }

  test('come to one result when each has read the first page before any has committed it', async () => {
    await startFour({ batchSize: 20, fault: { at: 'after-page', nth: 1, suffer: 'wait' } });
    const read = Promise.all(workers.map((worker) => worker.reaches('after-page')));
    const answers = Promise.all(workers.map((worker) => worker.answer()));
    for (const worker of workers) worker.tell({ handle: payload });
    await read;
    for (const worker of workers) worker.tell({ goOn: true });

    const sorted = (await answers).map((answer) => JSON.stringify(answer)).sort();
    expect(sorted).toEqual([
      '{"reports":"completed_with_failures"}',
      '{"reports":"superseded"}',
      '{"reports":"superseded"}',
      '{"reports":"superseded"}',
    ]);
    await expectTrueOutcome(host, await service.status(payload.runId));
  });

  test('come to one result however their batches meet', async () => {
    await startFour({ batchSize: 3 });
    const answers = Promise.all(workers.map((worker) => worker.answer()));
    for (const worker of workers) worker.tell({ handle: payload });

    for (const answer of await answers) {
      // One that comes when all is done tells how the run has ended.
      expect(['{"reports":"superseded"}', '{"reports":"completed_with_failures"}']).toContain(
        JSON.stringify(answer),
      );
    }
    await expectTrueOutcome(host, await service.status(payload.runId));
  });
});
