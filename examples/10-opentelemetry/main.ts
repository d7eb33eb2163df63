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
import { createBackfillService } from 'process-metadata-backfill';
import { createInProcessQueue, createMemoryRepository } from 'process-metadata-backfill/memory';
import { observeRuns } from './observe-runs.js';

// A host exports over OTLP instead: `OTLPTraceExporter` and `OTLPMetricExporter` instead of the exporters in memory.
const spans = new InMemorySpanExporter();
const metrics = new InMemoryMetricExporter(0);
const traces = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
const reader = new PeriodicExportingMetricReader({ exporter: metrics });
const meters = new MeterProvider({ readers: [reader] });
const observer = observeRuns({ tracer: traces.getTracer('backfill'), meter: meters.getMeter('backfill') });

const queue = createInProcessQueue();
const service = createBackfillService({
  repository: createMemoryRepository({
    instances: Array.from({ length: 250 }, (_, index) => ({
      id: index + 1,
      processModelId: 'sales/invoice',
      tasks: [{ state: 'COMPLETED', endedAt: 1, data: { invoice: { number: `INV-${index + 1}` } } }],
    })),
  }),
  queue,
});
const { onProgress } = observer;
queue.work((payload, { signal }) => service.handle(payload, { signal, onProgress }));

await service.request({
  processModelId: 'sales/invoice',
  paths: [{ key: 'invoice_number', path: 'invoice.number' }],
  requestedBy: 'ada',
});
await queue.idle();
await queue.stop();

observer.stop();
await meters.forceFlush();
for (const { name, attributes, events } of spans.getFinishedSpans())
  console.log(
    `span "${name}": ${attributes['backfill.state']}, ${events.map((event) => event.name).join(', ')}`,
  );
for (const { descriptor, dataPoints } of metrics.getMetrics().flatMap(metricsOf))
  for (const { attributes, value } of dataPoints)
    console.log(`metric ${descriptor.name}: ${value} ${JSON.stringify(attributes)}`);
await Promise.all([traces.shutdown(), meters.shutdown()]);

function metricsOf({ scopeMetrics }: ReturnType<typeof metrics.getMetrics>[number]) {
  return scopeMetrics.flatMap((scope) => scope.metrics);
}
