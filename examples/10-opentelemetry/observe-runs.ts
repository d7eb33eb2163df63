import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Meter, Tracer } from '@opentelemetry/api';
import { type BackfillProgress, RUN_CHANNEL, type RunChangeMessage } from 'process-metadata-backfill';
import { recordMetrics } from './record-metrics.js';
import { recordSpans } from './record-spans.js';

export interface RunObserver {
  /** For every call of `service.handle` and `runBackfill` of this process. */
  readonly onProgress: (progress: BackfillProgress) => void;
  /** Ends all spans. Call it before the providers shut down. */
  stop(): void;
}

/** Turns the changes of state that this process makes, and the progress of its jobs, into spans and metrics. */
export function observeRuns({
  tracer,
  meter,
}: {
  readonly tracer: Tracer;
  readonly meter: Meter;
}): RunObserver {
  const spans = recordSpans(tracer);
  const metrics = recordMetrics(meter);

  function onMessage(data: unknown): void {
    const message = data as RunChangeMessage;
    spans.changed(message);
    metrics.changed(message);
  }

  subscribe(RUN_CHANNEL, onMessage);
  return {
    onProgress(progress) {
      spans.progressed(progress);
      metrics.progressed(progress);
    },
    stop() {
      unsubscribe(RUN_CHANNEL, onMessage);
      spans.stop();
      metrics.stop();
    },
  };
}
