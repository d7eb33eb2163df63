import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type BackfillReport, createBackfillService } from 'process-metadata-backfill';
import { createRepository } from '../../../examples/2-embedded-postgres/repository.js';
import { MODEL, pathsOf } from '../scenario.js';
import type { Candidate } from './candidate.js';
import type { FromWorker, WorkerSettings } from './worker-process.js';

const WORKER = new URL('./worker-process.ts', import.meta.url);

/** Two shards on two worker processes, which are there already and get their jobs from this one. */
export function twoProcesses(name: string, batchSize: number): Candidate {
  return {
    name,
    most: Number.POSITIVE_INFINITY,
    isElsewhere: true,
    async open({ database, connection, latencyMs }, scenario) {
      if (connection === null) return null;
      const settings: WorkerSettings = { connection, taskData: scenario.type, batchSize, latencyMs };
      const workers = await Promise.all([startWorker(settings), startWorker(settings)]);
      let jobs = 0;
      const deliver = (payload: unknown) => {
        workers[jobs % workers.length]?.send({ payload });
        jobs += 1;
      };
      const service = createBackfillService({
        repository: createRepository(database),
        queue: { enqueue: async ({ payload }) => deliver(payload) },
        shards: 2,
      });
      return {
        async run(limit) {
          const ended = Promise.race(workers.map((worker) => endOfRun(worker, deliver)));
          const request = { processModelId: MODEL, paths: pathsOf(scenario), limit };
          await service.request(request);
          const { state } = await ended;
          if (state !== 'completed') throw new Error(`the run is ${state}`);
        },
        async close() {
          for (const worker of workers) worker.disconnect();
          await Promise.all(workers.map((worker) => once(worker, 'exit')));
        },
      };
    },
  };
}

async function startWorker(settings: WorkerSettings): Promise<ChildProcess> {
  const worker = fork(WORKER, [JSON.stringify(settings)], { execArgv: ['--import', 'tsx'] });
  await once(worker, 'message');
  return worker;
}

/** Passes on the jobs that the worker enqueues, until one of them has ended the run. */
function endOfRun(worker: ChildProcess, deliver: (payload: unknown) => void): Promise<BackfillReport> {
  return new Promise((resolve, reject) => {
    worker.removeAllListeners('message').on('message', (message: FromWorker) => {
      if (message.job !== undefined) deliver(message.job);
      if (message.error !== undefined) reject(new Error(message.error));
      const { report } = message;
      if (report !== undefined && report.state !== 'continued' && report.state !== 'superseded')
        resolve(report);
    });
  });
}
