import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { createBackfillService } from 'process-metadata-backfill';
import { command, logger, MODEL, openHost, play, startAfter, updateModel } from '../demo-host/demo-host.js';
import { cronQueue, tick } from './cron-backfill.js';

const host = await openHost('demo_cron');
const { repository } = host;
const tuning = { batchSize: 10, logger };
const service = createBackfillService({ repository, queue: cronQueue, ...tuning });

/** The run of the last request. */
async function newestRun(): Promise<string> {
  const [run] = await service.list({ limit: 1 });
  if (run === undefined) throw new Error('There is no run: request one.');
  return run.runId;
}

/** Stands in for cron, which would start this process again and again. */
async function work(): Promise<() => Promise<void>> {
  const stopping = new AbortController();
  const working = (async () => {
    while (!stopping.signal.aborted) {
      await tick(service, { repository, ...tuning, sliceMs: 2000, signal: stopping.signal }).catch(
        console.error,
      );
      await setTimeout(500, undefined, stopping).catch(() => {});
    }
  })();
  return async () => {
    stopping.abort();
    await working;
  };
}

switch (command) {
  case 'tick': {
    const stopping = new AbortController();
    for (const name of ['SIGINT', 'SIGTERM']) once(process, name).then(() => stopping.abort());
    const { signal } = stopping;
    for (const report of await tick(service, { repository, ...tuning, sliceMs: 500, signal }))
      console.log(`${report.runId} ${report.state}: ${report.processed} of ${report.total}`);
    break;
  }
  case 'status':
  case 'pause':
  case 'resume': {
    const { runId, state, processed, total } = await service[command](await newestRun());
    console.log(`${runId} ${state}: ${processed} of ${total}`);
    break;
  }
  default:
    await play(host, {
      service,
      async request() {
        const { before, after } = await host.database.transaction(updateModel);
        return service.request({ processModelId: MODEL, before, after, startAfter });
      },
      work,
    });
}

await host.pool.end();
