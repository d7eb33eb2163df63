import { createHash } from 'node:crypto';
import { context, type Span, SpanStatusCode, TraceFlags, type Tracer, trace } from '@opentelemetry/api';
import type { BackfillProgress, RunChangeMessage } from 'process-metadata-backfill';

/** A span is closed when its run has not been heard of for so long. Another process may have ended the run. */
const SILENT_MS = 15 * 60_000;

interface OpenSpan {
  readonly span: Span;
  heardAt: number;
}

/**
 * One span per run and process: from the first that this process hears of the run until the run stops. Each change of state is
 * an event of it. The spans that several processes make of one run share a trace, whose id comes from the id of the run.
 */
export function recordSpans(tracer: Tracer) {
  const open = new Map<string, OpenSpan>();

  function spanOf({ runId, processModelId }: RunChangeMessage | BackfillProgress, at: number): Span {
    for (const [id, { span, heardAt }] of open) {
      if (id === runId || at - heardAt < SILENT_MS) continue;
      open.delete(id);
      span.end(heardAt);
    }
    const known = open.get(runId);
    if (known !== undefined) {
      known.heardAt = at;
      return known.span;
    }
    const attributes = { 'backfill.run_id': runId, 'backfill.process_model': processModelId };
    const span = tracer.startSpan('backfill run', { startTime: at, attributes }, traceOf(runId));
    open.set(runId, { span, heardAt: at });
    return span;
  }

  return {
    changed(message: RunChangeMessage): void {
      const { runId, dryRun, from, to, at, revision, lastError, requestedBy, reason } = message;
      const span = spanOf(message, at);
      const by = { ...(requestedBy === null ? {} : { requestedBy }), ...(reason === null ? {} : { reason }) };
      span.addEvent(`${from} → ${to}`, { revision, ...by }, at);
      span.setAttribute('backfill.state', to);
      span.setAttribute('backfill.dry_run', dryRun);
      setCounts(span, message);
      if (to === 'failed') span.setStatus({ code: SpanStatusCode.ERROR, message: lastError ?? 'failed' });
      if (to === 'pending' || to === 'running') return;
      open.delete(runId);
      span.end(at);
    },
    progressed(progress: BackfillProgress): void {
      if (progress.state === 'pending' || progress.state === 'running')
        setCounts(spanOf(progress, Date.now()), progress);
    },
    stop(): void {
      for (const { span } of open.values()) span.end();
      open.clear();
    },
  };
}

function setCounts(span: Span, counts: RunChangeMessage | BackfillProgress): void {
  const { total, processed, updated, failed, gone } = counts;
  for (const [name, count] of Object.entries({ total, processed, updated, failed, gone }))
    span.setAttribute(`backfill.${name}`, count);
}

/** The parent of all spans of a run. It is never exported itself. */
function traceOf(runId: string) {
  const hash = createHash('sha256').update(runId).digest('hex');
  const [traceId, spanId] = [hash.slice(0, 32), hash.slice(32, 48)];
  const parent = { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
  return trace.setSpanContext(context.active(), parent);
}
