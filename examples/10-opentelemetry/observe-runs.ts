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

/** How long a job may report a batch after its run has stopped. */
const LATE_MS = 15 * 60_000;

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
  const stoppedAt = new Map<string, number>();

  function onMessage(data: unknown): void {
    const message = data as RunChangeMessage;
    const { runId, to, at } = message;
    for (const [id, before] of stoppedAt) if (at - before > LATE_MS) stoppedAt.delete(id);
    if (to === 'pending' || to === 'running') stoppedAt.delete(runId);
    else stoppedAt.set(runId, at);
    spans.changed(message);
    metrics.changed(message);
  }

  /**
   * Whether the batch was committed before its run stopped. This happens if another job stops the run while the answer is on its
   * way.
   */
  function isLate({ runId, lastProgressAt }: BackfillProgress): boolean {
    const at = stoppedAt.get(runId);
    return at !== undefined && (lastProgressAt ?? 0) <= at;
  }

  subscribe(RUN_CHANNEL, onMessage);
  return {
    onProgress(progress) {
      if (isLate(progress)) return;
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
