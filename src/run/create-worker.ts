import { compareCursors } from './access/compare-cursors.js';
import { dryRunRepository } from './access/dry-run-repository.js';
import { runLogger } from './access/run-log.js';
import { systemRuntime } from './access/system-runtime.js';
import type { CallOptions, RunPorts, TuningOptions } from './backfill-options.js';
import type { Worker } from './worker.js';

/** The tools of one call, with every default in its place. */
export function createWorker(
  options: RunPorts & TuningOptions & CallOptions & { readonly dryRun?: boolean | undefined },
): Worker {
  const { repository, queue, onProgress, dryRun = false } = options;
  return {
    repository: dryRun ? dryRunRepository(repository) : repository,
    compareCursors: repository.compareCursors?.bind(repository) ?? compareCursors,
    queue: dryRun ? null : (queue ?? null),
    runtime: options.runtime ?? systemRuntime,
    batchSize: options.batchSize ?? 100,
    sliceMs: dryRun ? null : (options.sliceMs ?? null), // a dry run stores nothing that could be continued
    retry: options.retry ?? {},
    throttle: options.throttle ?? null,
    maxInstancesPerSecond: options.maxInstancesPerSecond ?? null,
    signal: options.signal ?? new AbortController().signal,
    log: runLogger(options.logger, options.logTag),
    dryRun,
    onProgress: (progress) => onProgress?.(progress),
  };
}
