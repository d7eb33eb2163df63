import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import { type BackfillProgress, createBackfillService, loadBackfillConfig } from 'process-metadata-backfill';
import { createInProcessQueue } from 'process-metadata-backfill/memory';
import { checkResult, rememberMetadata } from './check-result.js';
import { createPostgresRepository } from './postgres-repository.js';
import { printReport } from './report.js';
import { pgliteDatabase, withLatency } from './sql.js';
import { createTerminal } from './terminal.js';
import { breakTaskData, createInstances, MODEL } from './workflow-host.js';

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
  [10, '← under warranty, never had an invoice'],
  [17, '← waits for an approval'],
  [42, '← its task data is broken'],
  [300, '← was never started, has no completed task'],
]);

console.log('Starting PostgreSQL in this process ...');
const pglite = await PGlite.create();
await pglite.exec(await readFile(new URL('schema.sql', import.meta.url), 'utf8'));
const database = pgliteDatabase(pglite);
console.log('Executing invoice.bpmn 300 times ...');
await createInstances(database, 300, before);
await breakTaskData(database, 42);
await rememberMetadata(database);

console.log(`\nThe report of ${MODEL}, while the model has one extraction path:`);
await printReport(database, shown);

console.log('\nThe model is updated: three more paths.');
const terminal = createTerminal(process.stdout);
const queue = createInProcessQueue();
const service = createBackfillService({
  repository: createPostgresRepository(withLatency(database, 10)),
  queue,
  config: loadBackfillConfig({
    SPIFFWORKFLOW_BACKEND_CELERY_ENABLED: 'true',
    SPIFFWORKFLOW_BACKEND_PROCESS_INSTANCE_METADATA_BACKFILL_ENABLED: 'true',
  }),
  batchSize: 25,
  logger: terminal.logger,
});
const request = await service.request({ processModelId: MODEL, before, after });
if (request.status === 'skipped') throw new Error(request.reason);
console.log(`Backfill ${request.runId} is queued for ${request.keys.join(', ')}.\n`);

let progress: BackfillProgress | undefined;
queue.work((payload, { signal }) =>
  service.handle(payload, {
    signal,
    onProgress(snapshot) {
      progress = snapshot;
      terminal.showProgress(snapshot);
    },
  }),
);
const isInterrupted = await Promise.race([
  queue.idle().then(() => false),
  once(process, 'SIGINT').then(() => true),
]);

if (isInterrupted) {
  await queue.stop();
  terminal.endProgress();
  const { processed = 0, failed = 0, gone = 0, total = 0 } = progress ?? {};
  console.log(`\nStopped at ${processed + failed + gone}/${total}; run ${request.runId} goes on from there.`);
  process.exitCode = 130;
} else {
  terminal.endProgress();
  const { state, updated, failed } = await service.status(request.runId);
  console.log(`\nThe run is ${state}: ${updated} instances updated, ${failed} failed. The same report now:`);
  await printReport(database, shown);
  console.log('\nChecked with SQL alone:');
  process.exitCode = (await checkResult(database, updated)) ? 0 : 1;
}
await pglite.close();
