import { once } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { createBackfillService, loadBackfillConfig } from 'process-metadata-backfill';
import { createInProcessQueue } from 'process-metadata-backfill/memory';
import { fromPglite } from 'process-metadata-backfill/postgres';
import { checkResult, rememberMetadata } from './check-result.js';
import { createDemoDatabase, isKeptFolder, openKeptDatabase } from './demo-database.js';
import { readReport } from './report.js';
import { createRepository } from './repository.js';
import { createTerminal } from './terminal.js';
import { withLatency } from './with-latency.js';
import { breakTaskData, createInstances, MODEL } from './workflow-host.js';

const INSTANCES = 300;

const before = [{ key: 'customer_id', path: 'customer.id' }];
const after = [
  ...before,
  { key: 'invoice_number', path: 'invoice.number' },
  { key: 'city', path: 'customer.address.city' },
  { key: 'first_article', path: 'lines[0].article' },
];
const shown = new Map([
  [1, ''],
  [2, ''],
  [10, 'under warranty, never had an invoice'],
  [17, 'waits for an approval'],
  [42, 'its task data is broken'],
  [INSTANCES, 'was never started, has no completed task'],
]);

const { print, printTable, showProgress, endProgress, logger } = createTerminal(process.stdout);
const interrupted = new AbortController();
const interruption = once(interrupted.signal, 'abort');
let nextCommand = 'npm run demo';
process.on('SIGINT', () => {
  if (interrupted.signal.aborted) print(`The demo is stopping already. After that, run ${nextCommand}`);
  interrupted.abort();
});

const keptFolder = process.argv[2];
if (keptFolder !== undefined && !isKeptFolder(keptFolder)) {
  print(
    `This demo expected the folder that an interrupted demo has kept, got ${keptFolder}, which is none or was deleted when its run had ended; start another with ${nextCommand}`,
  );
  process.exit(1);
}
print('Starting PostgreSQL in this process ...');
const demo = await (keptFolder === undefined ? createDemoDatabase() : openKeptDatabase(keptFolder));
const { database } = demo;
print(`Its files are in ${demo.folder}.`);

const queue = createInProcessQueue();
const repository = createRepository(withLatency(fromPglite(demo.pglite), 10));
const service = createBackfillService({
  repository,
  queue,
  config: loadBackfillConfig({
    SPIFFWORKFLOW_BACKEND_CELERY_ENABLED: 'true',
    SPIFFWORKFLOW_BACKEND_PROCESS_INSTANCE_METADATA_BACKFILL_ENABLED: 'true',
  }),
  batchSize: 3, // so small that you can watch the bar; the default is 100
  logger,
});

let end: 'keep' | 'delete' = 'delete';
try {
  for (const warning of await repository.check()) print(`Warning: ${warning}`);
  if (keptFolder === undefined) await createHost();
  const runId = keptFolder === undefined ? await requestRun() : await takeUpRun();
  if (runId === null) {
    print(`That demo was stopped before there was a backfill; start another with ${nextCommand}`);
    process.exitCode = 1;
  } else {
    await backfill(runId);
  }
} catch (error) {
  if (error !== interrupted.signal.reason) throw error;
  endProgress();
  print(`\nStopped before there was a backfill. Nothing is kept. Start another with ${nextCommand}`);
} finally {
  if (interrupted.signal.aborted) process.exitCode = 130;
  await demo.close(end);
}

async function backfill(runId: string): Promise<void> {
  nextCommand = `npm run demo -- ${/\s/.test(demo.folder) ? JSON.stringify(demo.folder) : demo.folder}`;
  queue.work((payload, { signal }) => service.handle(payload, { signal, onProgress: showProgress }));
  await Promise.race([queue.idle(), interruption]);
  await queue.stop();
  endProgress();

  if (interrupted.signal.aborted) {
    end = 'keep';
    await printHowToGoOn(runId);
  } else {
    await printResult(runId);
  }
}

/** What a workflow backend has done before a model is updated. */
async function createHost(): Promise<void> {
  print(`Executing invoice.bpmn ${INSTANCES} times ...`);
  await createInstances(database, INSTANCES, before, async (visited) => {
    showProgress({ visited, total: INSTANCES, ratePerSecond: 0, etaMs: null });
    await setImmediate(); // nothing else here waits for the event loop, and without it no Ctrl-C arrives
    interrupted.signal.throwIfAborted();
  });
  endProgress();
  await breakTaskData(database, 42);
  await rememberMetadata(database);
  print(`\nThe report of ${MODEL}, while the model has one extraction path:`);
  printTable(await readReport(database, shown));
}

async function requestRun(): Promise<string> {
  print('\nThe model is updated: three more paths.');
  const request = await service.request({ processModelId: MODEL, before, after });
  if (request.status === 'skipped') throw new Error(request.reason);
  print(`Backfill ${request.runId} is queued for ${request.keys.join(', ')}.\n`);
  return request.runId;
}

/** The job was lost with the process that had it in its queue. A sweep finds that and enqueues another one. */
async function takeUpRun(): Promise<string | null> {
  const [run] = await service.list({ limit: 1 });
  if (run === undefined) return null;
  print(`Backfill ${run.runId} goes on.\n`);
  for (;;) {
    const { active, enqueued } = await service.sweep({ staleAfterMs: 1000 });
    if (active === 0 || enqueued.length > 0) return run.runId;
    await setTimeout(200);
  }
}

async function printHowToGoOn(runId: string): Promise<void> {
  const { processed, failed, gone, total } = await service.status(runId);
  print(`\nStopped at ${processed + failed + gone}/${total}; run ${runId} goes on from there with`);
  print(`\n  ${nextCommand}\n`);
  print('The database stays in this folder until the run has ended.');
}

async function printResult(runId: string): Promise<void> {
  const { state, updated, failed } = await service.status(runId);
  print(`\nThe run is ${state}: ${updated} instances updated, ${failed} failed. The same report now:`);
  printTable(await readReport(database, shown));
  print('\nChecked with SQL alone:');
  const verdicts = await checkResult(database, updated);
  for (const { isRight, claim } of verdicts) print(`  ${isRight ? '✓' : '✗'} ${claim}`);
  process.exitCode = verdicts.every(({ isRight }) => isRight) ? 0 : 1;
}
