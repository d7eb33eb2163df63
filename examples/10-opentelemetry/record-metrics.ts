import type { Meter, ObservableGauge, ObservableResult } from '@opentelemetry/api';
import type { BackfillProgress, RunChangeMessage } from 'process-metadata-backfill';

/** A run that has not been heard of for so long has no gauges. Another process may have ended it. */
const SILENT_MS = 15 * 60_000;

/** Counters of what the channel says, which says it once. Gauges of what `onProgress` last said of each run that goes on. */
export function recordMetrics(meter: Meter) {
  const latest = new Map<string, { readonly progress: BackfillProgress; readonly heardAt: number }>();

  const changes = meter.createCounter('backfill.run.changes', {
    description: 'Changes of the states of runs. `to` is the new state.',
  });
  const instances = meter.createCounter('backfill.instances', {
    description: 'Instances of runs that have ended, by outcome.',
  });
  const updated = meter.createCounter('backfill.instances.updated', {
    description: 'Instances of runs that have ended for which a value was written.',
  });
  const gauges: readonly [ObservableGauge, (progress: BackfillProgress) => number | null][] = [
    [meter.createObservableGauge('backfill.run.total'), ({ total }) => total],
    [meter.createObservableGauge('backfill.run.visited'), ({ visited }) => visited],
    [meter.createObservableGauge('backfill.run.failed'), ({ failed }) => failed],
    [meter.createObservableGauge('backfill.run.rate'), ({ ratePerSecond }) => ratePerSecond],
    [
      meter.createObservableGauge('backfill.run.eta', { unit: 's' }),
      ({ etaMs }) => (etaMs === null ? null : etaMs / 1000),
    ],
    [
      meter.createObservableGauge('backfill.run.last_progress', { unit: 's' }),
      ({ lastProgressAt }) => (lastProgressAt === null ? null : lastProgressAt / 1000),
    ],
  ];
  const observers = gauges.map(([gauge, read]) => {
    const observe = (result: ObservableResult): void => {
      for (const [runId, { progress, heardAt }] of latest) {
        if (Date.now() - heardAt > SILENT_MS) latest.delete(runId);
        const value = read(progress);
        if (value !== null) result.observe(value, { run: progress.runId, model: progress.processModelId });
      }
    };
    gauge.addCallback(observe);
    return { gauge, observe };
  });

  return {
    changed({ runId, processModelId: model, dryRun, from, to, ...counts }: RunChangeMessage): void {
      changes.add(1, { model, from, to });
      if (to === 'pending' || to === 'running') return;
      latest.delete(runId);
      if (to === 'paused' || to === 'failed') return; // a resume goes on, and the run would count twice
      if (dryRun) return; // it has compared instances, and filled none
      updated.add(counts.updated, { model });
      for (const outcome of ['processed', 'failed', 'gone'] as const)
        instances.add(counts[outcome], { model, outcome });
    },
    progressed(progress: BackfillProgress): void {
      if (progress.state === 'pending' || progress.state === 'running')
        latest.set(progress.runId, { progress, heardAt: Date.now() });
      else latest.delete(progress.runId);
    },
    stop(): void {
      for (const { gauge, observe } of observers) gauge.removeCallback(observe);
    },
  };
}
