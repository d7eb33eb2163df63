import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { SpanStatusCode } from '@opentelemetry/api';
import {
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, expect, test } from 'vitest';
import { observeRuns } from '../../examples/10-opentelemetry/observe-runs.js';
import {
  type BackfillJob,
  type BackfillProgress,
  type BackfillRepository,
  createBackfillService,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { databaseError, intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** What one process of a host has: an observer, and exporters that keep what they get. */
function openProcess(repository: BackfillRepository) {
  const spans = new InMemorySpanExporter();
  const metrics = new InMemoryMetricExporter(0);
  const traces = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const reader = new PeriodicExportingMetricReader({ exporter: metrics });
  const meters = new MeterProvider({ readers: [reader] });
  const observer = observeRuns({ tracer: traces.getTracer('test'), meter: meters.getMeter('test') });
  closing.push(async () => {
    observer.stop();
    await Promise.all([traces.shutdown(), meters.shutdown()]);
  });
  const jobs: BackfillJob[] = [];
  const queue = { enqueue: async (job: BackfillJob) => void jobs.push(job) };
  const { lines, ...logger } = linesLogger();
  const service = createBackfillService({ repository, queue, logger, batchSize: 10 });
  return {
    service,
    observer,
    spans: () => spans.getFinishedSpans(),
    async request() {
      const result = await service.request({ processModelId: MODEL, paths: PATHS, requestedBy: 'ada' });
      return 'runId' in result ? result.runId : '';
    },
    handle: (
      onBatch: (progress: BackfillProgress) => unknown = () => {},
      signal = new AbortController().signal,
    ) =>
      service.handle(jobs.shift()?.payload, {
        signal,
        onProgress(progress) {
          observer.onProgress(progress);
          onBatch(progress);
        },
      }),
    /** The newest value of each series. */
    async values(): Promise<Record<string, unknown>> {
      metrics.reset();
      await meters.forceFlush();
      const all = metrics
        .getMetrics()
        .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((one) => one.metrics));
      return Object.fromEntries(
        all.flatMap(({ descriptor, dataPoints }) =>
          dataPoints.map(({ attributes, value }) => [
            [descriptor.name, ...Object.values(attributes).filter((one) => one !== MODEL)].join(' '),
            value,
          ]),
        ),
      );
    },
  };
}

test('a run becomes one span with its changes of state as events, and counters of its outcomes', async () => {
  const host = openProcess(createMemoryRepository({ instances: [...invoices(24), instance(25, 7n)] }));
  const runId = await host.request();

  expect(await host.handle()).toMatchObject({ state: 'completed_with_failures' });

  const [span, ...others] = host.spans();
  expect(others).toEqual([]);
  expect(span?.name).toBe('backfill run');
  expect(span?.attributes).toMatchObject({
    ...{ 'backfill.run_id': runId, 'backfill.process_model': MODEL },
    ...{ 'backfill.state': 'completed_with_failures', 'backfill.total': 25 },
    ...{ 'backfill.processed': 24, 'backfill.updated': 24, 'backfill.failed': 1 },
  });
  expect(span?.events.map(({ name, attributes }) => [name, attributes?.requestedBy])).toEqual([
    ['pending → running', 'ada'],
    ['running → completed_with_failures', 'ada'],
  ]);
  expect(await host.values()).toEqual({
    'backfill.run.changes pending running': 1,
    'backfill.run.changes running completed_with_failures': 1,
    'backfill.instances processed': 24,
    'backfill.instances failed': 1,
    'backfill.instances gone': 0,
    'backfill.instances.updated': 24,
  });
});

test('a verification is a span that says so, and counts no instances', async () => {
  const host = openProcess(createMemoryRepository({ instances: invoices(3) }));
  await host.service.verify({ processModelId: MODEL, paths: PATHS });

  await host.handle();

  expect(host.spans()[0]?.attributes).toMatchObject({ 'backfill.dry_run': true, 'backfill.processed': 3 });
  expect(await host.values()).toEqual({
    'backfill.run.changes pending running': 1,
    'backfill.run.changes running completed': 1,
  });
});

test('the gauges show a run while it goes on, and no longer', async () => {
  // A run needs at least one millisecond to have a rate.
  const slow = intercept(createMemoryRepository({ instances: invoices(30) }), async ({ method, proceed }) => {
    if (method === 'readInstances') await setTimeout(5);
    return proceed();
  });
  const host = openProcess(slow);
  const runId = await host.request();
  const stopping = new AbortController();

  await host.handle(({ visited }) => visited === 20 && stopping.abort(), stopping.signal);
  const during = await host.values();
  await host.handle();
  const after = await host.values();

  expect(during).toMatchObject({
    [`backfill.run.total ${runId}`]: 30,
    [`backfill.run.visited ${runId}`]: 20,
    [`backfill.run.failed ${runId}`]: 0,
    [`backfill.run.rate ${runId}`]: expect.any(Number),
    [`backfill.run.eta ${runId}`]: expect.any(Number),
    [`backfill.run.last_progress ${runId}`]: expect.any(Number),
  });
  expect(Object.keys(after).filter((name) => name.includes(runId))).toEqual([]);
});

test('a run that fails ends its span as an error, and a resume goes on in the same trace', async () => {
  let isBroken = false;
  const memory = createMemoryRepository({ instances: invoices(50) });
  const repository = intercept(memory, async ({ method, proceed }) => {
    if (isBroken && method === 'readInstances') throw databaseError('42501', 'permission denied');
    return proceed();
  });
  const host = openProcess(repository);
  const runId = await host.request();
  await expect(host.handle(({ processed }) => (isBroken = processed > 0))).rejects.toThrow(
    'permission denied',
  );
  isBroken = false;
  await host.service.resume(runId, { requestedBy: 'eve', reason: 'granted' });
  await host.handle();

  const [failed, completed] = host.spans();
  expect(failed?.attributes['backfill.processed']).toBeGreaterThan(0);
  expect(failed?.status).toEqual({
    code: SpanStatusCode.ERROR,
    message: expect.stringContaining('permission denied'),
  });
  expect(completed?.events[0]).toMatchObject({
    name: 'failed → running',
    attributes: { requestedBy: 'eve', reason: 'granted' },
  });
  expect(completed?.status.code).toBe(SpanStatusCode.UNSET);
  expect(completed?.spanContext().traceId).toBe(failed?.spanContext().traceId);
  expect(await host.values()).toMatchObject({
    'backfill.run.changes running failed': 1,
    'backfill.run.changes failed running': 1,
    'backfill.instances processed': 50,
  });
});

test('a batch that is reported after its run has stopped makes no second span and no gauge', async () => {
  const host = openProcess(createMemoryRepository({ instances: invoices(30) }));
  const runId = await host.request();
  const reports: BackfillProgress[] = [];
  await host.handle((progress) => reports.push(progress));
  const gauges = async () => Object.keys(await host.values()).filter((name) => name.includes(runId));

  for (const report of reports) host.observer.onProgress(report);

  expect(reports[0]?.state).toBe('running');
  expect(await gauges()).toEqual([]);
  host.observer.stop();
  expect(host.spans()).toHaveLength(1);
});

test('a paused run has a span and gauges again once a batch is newer than the pause', async () => {
  const host = openProcess(createMemoryRepository({ instances: invoices(30) }));
  const runId = await host.request();
  let first: BackfillProgress | undefined;
  await host.handle((progress) => {
    first ??= progress;
    return host.service.pause(runId);
  });
  if (first === undefined) throw new Error('expected progress');

  // Another process has resumed the run, so that this one got no message.
  host.observer.onProgress({ ...first, lastProgressAt: Date.now() + 1000 });

  expect(await host.values()).toMatchObject({ [`backfill.run.total ${runId}`]: 30 });
  host.observer.stop();
  expect(host.spans()).toHaveLength(2);
});

test('a span that is still open ends with the observer, which hears nothing from then on', async () => {
  const host = openProcess(createMemoryRepository({ instances: invoices(30) }));
  await host.request();
  let isStopped = false;

  await host.handle(() => {
    if (!isStopped) host.observer.stop();
    isStopped = true;
  });

  expect(host.spans().filter(({ events }) => events.length > 1)).toEqual([]);
  expect((await host.values())['backfill.run.changes running completed']).toBeUndefined();
});

test('the dashboard and the README name only metrics that there are', async () => {
  const source = await readFile('examples/10-opentelemetry/record-metrics.ts', 'utf8');
  const counters = [...source.matchAll(/createCounter\(\s*'([^']+)'/g)].map(
    ([, name = '']) => `${name}_total`,
  );
  const gauges = [...source.matchAll(/createObservableGauge\(\s*'([^']+)'(, \{ unit: 's' \})?/g)].map(
    ([, name = '', isInSeconds]) => (isInSeconds === undefined ? name : `${name}_seconds`),
  );
  const known = [...counters, ...gauges].map((name) => name.replaceAll('.', '_'));

  const dashboard = await readFile('examples/10-opentelemetry/grafana-dashboard.json', 'utf8');
  const queries: readonly string[] = JSON.parse(dashboard).panels.flatMap(
    ({ targets }: { targets: readonly { expr: string }[] }) => targets.map(({ expr }) => expr),
  );
  const readme = await readFile('examples/10-opentelemetry/README.md', 'utf8');
  const named = (text: string): readonly string[] => text.match(/backfill_[a-z_]+/g) ?? [];

  expect([...new Set(queries.flatMap(named))].toSorted()).toEqual(known.toSorted());
  expect(named(readme).filter((name) => !known.includes(name))).toEqual([]);
});
