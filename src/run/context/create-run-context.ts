import type { CallOptions, RunPorts } from '../options/backfill-options.js';
import type { TuningOptions } from '../options/tuning-options.js';
import { compareCursors } from './compare-cursors.js';
import { dryRunRepository } from './dry-run-repository.js';
import type { RunContext } from './run-context.js';
import { runLog } from './run-log.js';
import { systemRuntime } from './system-runtime.js';

/** The context of one call, with every default filled in. */
export function createRunContext(
  options: RunPorts & TuningOptions & CallOptions,
  { dryRun }: { readonly dryRun: boolean },
): RunContext {
  const { repository, queue, onProgress } = options;
  return {
    repository: dryRun ? dryRunRepository(repository) : repository,
    compareCursors: repository.compareCursors?.bind(repository) ?? compareCursors,
    queue: dryRun ? null : (queue ?? null),
    runtime: options.runtime ?? systemRuntime,
    batchSize: options.batchSize ?? 100,
    sliceMs: dryRun ? null : (options.sliceMs ?? null), // a dry run stores nothing that could be continued
    settleMs: options.settleMs ?? 10_000,
    retry: options.retry ?? {},
    throttle: options.throttle ?? null,
    maxInstancesPerSecond: options.maxInstancesPerSecond ?? null,
    signal: options.signal ?? new AbortController().signal,
    log: runLog(options.logger, options.logTag),
    dryRun,
    onProgress: onProgress ?? null,
  };
}
