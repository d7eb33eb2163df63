/** Never run: `npm run typecheck` is the test, and an `@ts-expect-error` without an error is a failure of it. */

import { test as nodeTest } from 'node:test';
import {
  type BackfillConfig,
  type BackfillErrorCode,
  type BackfillJob,
  type BackfillLogger,
  type BackfillPreview,
  type BackfillProgress,
  type BackfillQueue,
  type BackfillReport,
  type BackfillRepository,
  type BackfillRequest,
  compileExtractor,
  createBackfillService,
  type DifferenceCounts,
  type DifferencesPage,
  describeDiff,
  diffExtractionPaths,
  type ExtractionPath,
  type ExtractionPathDiff,
  extractMetadata,
  type FormattedValue,
  formatMetadataValue,
  type InstanceDifference,
  type InstanceId,
  isBackfillError,
  type JobHandler,
  type JobPayload,
  type JsonValue,
  type KeyCounts,
  type KeyPreview,
  type LogFields,
  loadBackfillConfig,
  type PortError,
  previewBackfill,
  type RequestResult,
  type RunError,
  type RunState,
  type RunStatus,
  type RunSummary,
  runBackfill,
  type Share,
  type StructuredLogger,
  type TaskData,
  type Verdict,
  verifyBackfill,
} from 'process-metadata-backfill';
import {
  createInProcessQueue,
  createMemoryRepository,
  type MemoryRepository,
} from 'process-metadata-backfill/memory';
import {
  type PortCall,
  type QueueFixture,
  queueConformance,
  type RepositoryFixture,
  repositoryConformance,
  withFaults,
} from 'process-metadata-backfill/testing';
import { expectTypeOf, test } from 'vitest';

/** As `pg` has it: what a host passes to make something part of its transaction. */
interface PoolClient {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
  release(): void;
}

declare const pgRepository: BackfillRepository<PoolClient, number>;
declare const pgQueue: BackfillQueue<PoolClient>;
declare const client: PoolClient;
declare const anyPaths: ExtractionPath[];

const processModelId = 'test_group/invoice_process';
const paths = [{ key: 'invoice_number', path: 'invoice.number' }] as const;
const repository = createMemoryRepository();
const queue = createInProcessQueue();
const service = createBackfillService({ repository, queue });

test('the keys of a report are those of the paths', async () => {
  const report = await runBackfill({
    repository,
    processModelId,
    paths: [
      { key: 'invoice_number', path: 'invoice.number' },
      { key: 'city', path: ['customer', 'address.city'] },
    ],
  });
  expectTypeOf(report).toEqualTypeOf<BackfillReport<'invoice_number' | 'city'>>();
  expectTypeOf(report.keys.invoice_number).toEqualTypeOf<KeyCounts>();
  expectTypeOf(report.keys.city.written).toEqualTypeOf<number>();
  // @ts-expect-error no path has this key
  report.keys.invoice_numbr;

  const stored = await runBackfill({ repository, runId: report.runId });
  expectTypeOf(stored.keys).toEqualTypeOf<Readonly<Record<string, KeyCounts>>>();
  expectTypeOf(report.failures[0]?.instanceId).toEqualTypeOf<InstanceId | undefined>();
  expectTypeOf(report.failures[0]?.key).toEqualTypeOf<string | null | undefined>();
});

test('the keys of a verification are those of the paths, and a verification has no mode', async () => {
  const found = await verifyBackfill({
    repository: pgRepository,
    processModelId,
    paths,
    differences: 'values',
  });
  expectTypeOf(found.verdict).toEqualTypeOf<Verdict>();
  expectTypeOf(found.differences.invoice_number).toEqualTypeOf<DifferenceCounts>();
  expectTypeOf(found.samples).toEqualTypeOf<readonly InstanceDifference[]>();
  // @ts-expect-error no path has this key
  found.differences.invoice_numbr;
  // @ts-expect-error it lists no differences
  runBackfill({ repository, processModelId, paths, dryRun: true, differences: 'values' });
  // @ts-expect-error it always compares as overwrite does
  verifyBackfill({ repository, processModelId, paths, mode: 'fill' });

  expectTypeOf(await service.verify({ processModelId, paths, shards: 2 })).toEqualTypeOf<RequestResult>();
  const page = await service.differences('a-run', { after: undefined });
  expectTypeOf(page).toEqualTypeOf<DifferencesPage>();
  expectTypeOf((await service.status('a-run')).verdict).toEqualTypeOf<Verdict | null>();
});

test('the keys of a preview are those of the paths', async () => {
  const preview = await previewBackfill({ repository: pgRepository, processModelId, paths, sampleSize: 9 });
  expectTypeOf(preview).toEqualTypeOf<BackfillPreview<'invoice_number'>>();
  expectTypeOf(preview.keys.invoice_number).toEqualTypeOf<KeyPreview>();
  expectTypeOf(preview.keys.invoice_number.found).toEqualTypeOf<Share>();
  // @ts-expect-error no path has this key
  preview.keys.invoice_numbr;

  const update = await service.preview({ processModelId, before: null, after: paths });
  expectTypeOf(update.diff).toEqualTypeOf<ExtractionPathDiff | null>();
  if (update.diff !== null) expectTypeOf(describeDiff(update.diff)).toEqualTypeOf<readonly string[]>();
  await service.preview({ processModelId, before: null, after: paths, includeChanged: true });
  // @ts-expect-error paths and includeChanged
  await service.preview({ processModelId, paths, includeChanged: true });
  // @ts-expect-error paths and before
  await service.preview({ processModelId, paths, before: [] });
  // @ts-expect-error after is missing
  await service.preview({ processModelId, before: [] });
});

test('the keys of extracted metadata are those of the paths', () => {
  const metadata = extractMetadata({}, [{ key: 'invoice_number', path: 'invoice.number' }]);
  expectTypeOf(metadata).toEqualTypeOf<Record<'invoice_number', JsonValue>>();
  expectTypeOf(extractMetadata({}, paths).invoice_number).toEqualTypeOf<JsonValue>();
  expectTypeOf(extractMetadata({}, anyPaths)).toEqualTypeOf<Record<string, JsonValue>>();
  expectTypeOf(compileExtractor(paths)).toEqualTypeOf<
    (data: unknown) => Record<'invoice_number', JsonValue>
  >();
  // @ts-expect-error no path has this key
  metadata.city;
  // @ts-expect-error a path is text or segments
  extractMetadata({}, [{ key: 'city', path: 7 }]);
});

test('a diff takes null and undefined, and its parts are paths again', () => {
  const { added, removed, unchanged, changed } = diffExtractionPaths(null, paths);
  expectTypeOf(added).toEqualTypeOf<readonly ExtractionPath[]>();
  expectTypeOf(removed).toEqualTypeOf<readonly ExtractionPath[]>();
  expectTypeOf(unchanged).toEqualTypeOf<readonly ExtractionPath[]>();
  expectTypeOf(changed[0]?.after).toEqualTypeOf<ExtractionPath | undefined>();
  diffExtractionPaths(undefined, null);
  // @ts-expect-error both are needed
  diffExtractionPaths(paths);
});

test('a repository with its own transactions and numeric ids fits everywhere without a cast', async () => {
  expectTypeOf(pgRepository).toExtend<BackfillRepository>();
  expectTypeOf<MemoryRepository>().toExtend<BackfillRepository>();
  expectTypeOf(pgQueue).toExtend<BackfillQueue>();
  await runBackfill({ repository: pgRepository, queue: pgQueue, processModelId, paths });
  await runBackfill({ repository: pgRepository, queue, runId: 'a-run' });
  const inferred = createBackfillService({ repository: pgRepository, queue: pgQueue, transactional: true });
  await inferred.request({ processModelId, paths, transaction: client });
  await inferred.request({ processModelId, before: [], after: paths, transaction: client });
  // @ts-expect-error not what these ports take for a transaction
  await inferred.request({ processModelId, paths, transaction: 'begin' });
  // @ts-expect-error a queue with other transactions than the repository
  createBackfillService<PoolClient>({ repository: pgRepository, queue: {} as BackfillQueue<{ knex: true }> });
});

test('a request has either paths, or before and after', async () => {
  // @ts-expect-error before and after are missing
  await service.request({ processModelId });
  // @ts-expect-error paths and before
  await service.request({ processModelId, paths, before: [] });
  // @ts-expect-error all three
  await service.request({ processModelId, paths, before: [], after: paths });
});

test('a service without transactions takes none', async () => {
  await service.request({ processModelId, paths });
  await service.request({ processModelId, before: null, after: paths, includeChanged: true });
  // @ts-expect-error neither the repository nor the queue has transactions
  await service.request({ processModelId, paths, transaction: client });
  // @ts-expect-error the same for a model update
  await service.request({ processModelId, before: null, after: paths, transaction: client });
  expectTypeOf<BackfillRequest['transaction']>().toEqualTypeOf<undefined>();
});

test('console, pino and winston fit as a logger', () => {
  expectTypeOf(console).toExtend<BackfillLogger>();
  createBackfillService({ repository, queue, logger: console });
  /** pino's log function is overloaded, winston's returns the logger. */
  interface Pino {
    (message: string, ...values: unknown[]): void;
    <T extends object>(fields: T, message?: string, ...values: unknown[]): void;
  }
  expectTypeOf<{ info: Pino; warn: Pino; error: Pino }>().toExtend<BackfillLogger>();
  interface Winston {
    info(message: string, ...meta: unknown[]): Winston;
    warn(message: string, ...meta: unknown[]): Winston;
    error(message: string, ...meta: unknown[]): Winston;
  }
  expectTypeOf<Winston>().toExtend<BackfillLogger>();
  const said: LogFields[] = [];
  const write = (fields: LogFields, line: string) => said.push({ ...fields, line });
  const structured: StructuredLogger = { takesFields: true, info: write, warn: write, error: write };
  createBackfillService({ repository, queue, logger: structured });
  // @ts-expect-error it does not say that it takes fields
  createBackfillService({ repository, queue, logger: { info: write, warn: write, error: write } });
  // @ts-expect-error nowhere to put warnings and errors
  createBackfillService({ repository, queue, logger: { info: console.log } });
});

test('the result of a request narrows by its status', () => {
  const result = {} as RequestResult;
  // @ts-expect-error a skipped request has no run
  result.runId;
  if (result.status === 'triggered') {
    expectTypeOf(result.runId).toEqualTypeOf<string>();
    expectTypeOf(result.created).toEqualTypeOf<boolean>();
    expectTypeOf(result.keys).toEqualTypeOf<readonly string[]>();
    // @ts-expect-error a triggered request was not refused for a reason
    result.reason;
  } else {
    expectTypeOf(result.status).toEqualTypeOf<'skipped'>();
    expectTypeOf(result.reason).toEqualTypeOf<
      'Metadata backfill feature is disabled' | 'No new metadata paths detected'
    >();
  }
});

test('what a repository returns narrows by its tag', () => {
  const data = {} as TaskData;
  switch (data.form) {
    case 'json':
      expectTypeOf(data.text).toEqualTypeOf<string>();
      break;
    case 'values':
      expectTypeOf(data.values).toEqualTypeOf<ReadonlyMap<string, JsonValue>>();
      break;
    case 'unreadable':
      expectTypeOf(data.reason).toEqualTypeOf<string>();
      break;
    case 'parsed':
      expectTypeOf(data.value).toEqualTypeOf<unknown>();
      break;
    default:
      expectTypeOf(data).toEqualTypeOf<{ readonly form: 'none' }>();
  }
});

test('wrong options are compile errors', () => {
  const base = { repository, processModelId, paths };
  runBackfill({ ...base, batchSize: 500, mode: 'overwrite', missing: 'omit', dryRun: true });
  // @ts-expect-error misspelt
  runBackfill({ ...base, batchsize: 500 });
  // @ts-expect-error not a number
  runBackfill({ ...base, batchSize: '500' });
  // @ts-expect-error no such mode
  runBackfill({ ...base, mode: 'replace' });
  // @ts-expect-error no such way to treat missing values
  runBackfill({ ...base, missing: null });
  // @ts-expect-error without a repository
  runBackfill({ processModelId, paths });
  // @ts-expect-error neither a definition nor a run
  runBackfill({ repository });
  // @ts-expect-error a stored run has its definition already
  runBackfill({ repository, runId: 'a-run', paths });
  // @ts-expect-error one unknown member of retry
  runBackfill({ ...base, retry: { tries: 3 } });
  // @ts-expect-error a service needs a queue
  createBackfillService({ repository });
  // @ts-expect-error what a run is about belongs to the request
  createBackfillService({ repository, queue, paths });
  // @ts-expect-error either two lists of paths or one
  service.request({ processModelId });
  // @ts-expect-error a date, not a delay
  service.request({ processModelId, paths, startAfter: 5000 });
  // @ts-expect-error a memory instance needs its tasks
  createMemoryRepository({ instances: [{ id: 1, processModelId }] });
  // @ts-expect-error no such style
  formatMetadataValue('x', { style: 'yaml' });
});

test('optional options take undefined, so that a host can pass on what it may not have', () => {
  runBackfill({
    repository,
    processModelId,
    paths,
    ...{ queue: undefined, mode: undefined, missing: undefined, limit: undefined, instanceIds: undefined },
    ...{ maxFailures: undefined, batchSize: undefined, sliceMs: undefined, retry: undefined },
    ...{ logger: undefined, logTag: undefined, runtime: undefined, dryRun: undefined },
    ...{ onProgress: undefined, signal: undefined, runId: undefined },
  });
  createBackfillService({ repository, queue, config: undefined, transactional: undefined });
});

test('the worker and the administration get what they are told', async () => {
  const payload: unknown = JSON.parse('{}');
  const onProgress = ({ etaMs, waiting }: BackfillProgress) => {
    expectTypeOf(etaMs).toEqualTypeOf<number | null>();
    expectTypeOf(waiting?.reason).toEqualTypeOf<string | undefined>();
  };
  const { signal } = new AbortController();
  expectTypeOf(await service.handle(payload, { onProgress, signal })).toEqualTypeOf<BackfillReport>();
  const status = await service.status('a-run');
  expectTypeOf(status).toEqualTypeOf<RunStatus>();
  expectTypeOf(status.state).toEqualTypeOf<RunState>();
  expectTypeOf(await service.list({ active: true })).toEqualTypeOf<readonly RunSummary[]>();
  const handler: JobHandler = (job, context) => service.handle(job, context);
  queue.work(handler);
  expectTypeOf<BackfillJob['name']>().toEqualTypeOf<'backfill_metadata'>();
  expectTypeOf<BackfillJob['payload']>().toEqualTypeOf<JobPayload>();
  const config = loadBackfillConfig(process.env, { prefix: 'MY_HOST_' });
  expectTypeOf(config).toEqualTypeOf<BackfillConfig>();
  createBackfillService({ repository, queue, config: { enabled: false } });
});

test('an error is known by its code', () => {
  const error: unknown = new Error();
  // @ts-expect-error nothing is known yet
  error.code;
  if (isBackfillError(error)) {
    expectTypeOf(error.code).toEqualTypeOf<BackfillErrorCode>();
    expectTypeOf(error.retryable).toEqualTypeOf<boolean>();
  }
  // @ts-expect-error no such code
  isBackfillError(error, 'PORT_FAILURE');
  expectTypeOf<PortError['progress']>().toEqualTypeOf<{
    readonly visited: number;
    readonly total: number;
  }>();
  expectTypeOf<RunError['runId']>().toEqualTypeOf<string>();
});

test('a formatted value is what a repository gives back as the stored form', () => {
  expectTypeOf(formatMetadataValue(null)).toEqualTypeOf<FormattedValue>();
  const formatValue: NonNullable<BackfillRepository['formatValue']> = (value) => formatMetadataValue(value);
  expectTypeOf(formatValue).parameter(0).toEqualTypeOf<JsonValue>();
});

test('conformance cases fit the test runners as they are, and fixtures of any transaction and id', () => {
  const fixture = {} as RepositoryFixture<PoolClient, number>;
  const queueFixture = {} as QueueFixture<PoolClient>;
  for (const c of repositoryConformance(() => fixture)) {
    test(c.name, c.run);
    nodeTest(c.name, c.run);
  }
  for (const c of queueConformance(async () => queueFixture)) test(c.name, c.run, 60_000);
  // @ts-expect-error a fixture without a repository
  repositoryConformance(() => ({ metadata: async () => ({}) }));
});

test('a port with faults is the port that it was', () => {
  expectTypeOf(withFaults(pgRepository, [])).toEqualTypeOf<typeof pgRepository>();
  expectTypeOf(withFaults(repository, []).metadata).toEqualTypeOf<MemoryRepository['metadata']>();
  withFaults(pgQueue, [{ on: 'enqueue', nth: 2, fault: 'delay', ms: 5 }]);
  // @ts-expect-error a delay says how long
  withFaults(pgQueue, [{ on: 'enqueue', fault: 'delay' }]);
  // @ts-expect-error no such method
  withFaults(pgQueue, [{ on: 'dequeue', fault: 'hang' }]);
  const commits = (call: PortCall) => (call.method === 'commit' ? call.argument.instances.length : 0);
  withFaults(pgRepository, (call) => (commits(call) > 0 ? { fault: 'fail-after' } : null));
});
