import { z } from 'zod';
import { InvalidInputError } from '../errors.js';
import { type ExtractionPath, type ParsedPath, parsePaths } from '../extraction/extraction-path.js';
import {
  aFunction,
  expecting,
  nonBlank,
  objectWith,
  oneOf,
  parseInput,
  trueOrFalse,
  wholeNumber,
} from '../input/parse-input.js';
import type { BackfillLogger } from '../ports/logger.js';
import type { BackfillQueue } from '../ports/queue.js';
import type { BackfillMode, BackfillRepository, InstanceId } from '../ports/repository.js';
import type { Runtime } from '../ports/runtime.js';
import type { Throttle } from '../ports/throttle.js';
import { type RetryOptions, retryOptions } from './access/retry.js';
import { type AdaptiveBatchSize, batchSizeOption } from './job/batch-size.js';
import { maxInstancesPerSecondOption } from './job/pacer.js';
import type { BackfillProgress } from './record/progress.js';
import type { RunDefinition } from './record/run-record.js';

/** What a new run is to do. Stored with the run and never changed. */
export interface DefinitionOptions<Key extends string = string> {
  readonly processModelId: string;
  readonly paths: readonly ExtractionPath<Key>[];
  /** `fill` writes where there is no value; `overwrite` also replaces values that differ. @default 'fill' */
  readonly mode?: BackfillMode | undefined;
  /** Whether a key with nothing in the task data gets a null row. @default 'null', or 'omit' if the repository stores no null */
  readonly missing?: 'null' | 'omit' | undefined;
  /** Only the first so many instances. @default all */
  readonly limit?: number | undefined;
  /** Only these instances, at most 10,000. @default all */
  readonly instanceIds?: readonly InstanceId[] | undefined;
  /** The run fails once more instances than this have failed. @default no limit */
  readonly maxFailures?: number | undefined;
  /** Parts the instances into so many ranges, each with jobs and checkpoints of its own, from 1 to 100. @default 1 */
  readonly shards?: number | undefined;
}

/** How this process works. Not stored: another worker may go on with other tuning. */
export interface TuningOptions {
  /**
   * Instances a transaction, from 1 to 10,000; or bounds within which that is found out. Those that are complete do not
   * count if the repository passes over them. @default 100
   */
  readonly batchSize?: number | AdaptiveBatchSize | undefined;
  /** How long a job works before it hands over to a continuation; overrun by at most one batch. @default no limit */
  readonly sliceMs?: number | undefined;
  /** For transient faults of the repository and the queue. */
  readonly retry?: RetryOptions | undefined;
  /**
   * Asked before each batch: `null` lets it go, `{ reason, retryAfterMs }` holds it back. A long hold is waited for in
   * the queue, if there is one. @default none
   */
  readonly throttle?: Throttle | undefined;
  /** The most that a job does on average; each shard is a job. @default no limit */
  readonly maxInstancesPerSecond?: number | undefined;
  /** @default the `debug` package, under `process-metadata-backfill` */
  readonly logger?: BackfillLogger | undefined;
  /** The first word of each log line. @default 'celery_task_backfill_metadata' */
  readonly logTag?: string | undefined;
  /** Clock, timer and dice. @default those of the system */
  readonly runtime?: Runtime | undefined;
}

export interface CallOptions {
  /** Called before the first page, after each batch, and when a retry or the throttle waits. What it throws is ignored. */
  readonly onProgress?: ((progress: BackfillProgress) => void) | undefined;
  /** Stops the job after the batch in flight; the checkpoint stands. */
  readonly signal?: AbortSignal | undefined;
}

export interface RunPorts {
  readonly repository: BackfillRepository<never>;
  /** Where continuations are enqueued. @default none: the caller calls again on `continued` */
  readonly queue?: BackfillQueue<never> | undefined;
}

/** To start a new run. */
export interface NewRunOptions<Key extends string = string>
  extends RunPorts,
    DefinitionOptions<Key>,
    TuningOptions,
    CallOptions {
  /** Read and count, but write nothing and store no run. @default false */
  readonly dryRun?: boolean | undefined;
  readonly runId?: undefined;
}

/** To go on with a stored run, from its checkpoint. */
export interface StoredRunOptions extends RunPorts, TuningOptions, CallOptions {
  readonly runId: string;
}

export type BackfillOptions<Key extends string = string> = NewRunOptions<Key> | StoredRunOptions;

/** A schema for each member of `Options`. */
type Fields<Options> = {
  readonly [Name in keyof Options]-?: z.ZodType<Options[Name]>;
};

export const aRepository: z.ZodType<BackfillRepository<never>> = objectWith('a BackfillRepository', [
  'surveyInstances',
  'readInstances',
  'commit',
  'loadRun',
  'findRuns',
]);

export const aQueue: z.ZodType<BackfillQueue<never>> = objectWith('a BackfillQueue', ['enqueue']);

const portFields: Fields<RunPorts> = {
  repository: aRepository,
  queue: aQueue.optional(),
};

export const definitionFields: Fields<Omit<DefinitionOptions, 'processModelId' | 'paths'>> = {
  mode: oneOf('fill', 'overwrite').optional(),
  missing: oneOf('null', 'omit').optional(),
  limit: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  instanceIds: expecting<readonly InstanceId[]>(
    '1 to 10,000 ids, each a string or a number',
    isIdList,
  ).optional(),
  maxFailures: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
  shards: wholeNumber(1, 100).optional(),
};

/** Left to `parsePaths`, which finds every problem. */
const anyPaths: z.ZodType<readonly ExtractionPath[]> = expecting(
  'at least one { key, path }',
  (value) => Array.isArray(value) && value.length > 0,
);

export const whatFields: Fields<Pick<DefinitionOptions, 'processModelId' | 'paths'>> = {
  processModelId: nonBlank,
  paths: anyPaths,
};

export const tuningFields: Fields<TuningOptions> = {
  batchSize: batchSizeOption.optional(),
  sliceMs: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  retry: retryOptions.optional(),
  throttle: aFunction<Throttle>().optional(),
  maxInstancesPerSecond: maxInstancesPerSecondOption.optional(),
  logger: objectWith<BackfillLogger>('a logger', ['info', 'warn', 'error']).optional(),
  logTag: nonBlank.optional(),
  runtime: objectWith<Runtime>('a Runtime', ['now', 'sleep', 'random']).optional(),
};

export const callFields: Fields<CallOptions> = {
  onProgress: aFunction<(progress: BackfillProgress) => void>().optional(),
  signal: expecting<AbortSignal>('an AbortSignal', (value) => value instanceof AbortSignal).optional(),
};

const newRun: z.ZodType<NewRunOptions> = z.strictObject({
  ...portFields,
  ...whatFields,
  ...definitionFields,
  ...tuningFields,
  ...callFields,
  dryRun: trueOrFalse.optional(),
  runId: z.undefined().optional(),
});

const storedRun: z.ZodType<StoredRunOptions> = z.strictObject({
  ...portFields,
  ...tuningFields,
  ...callFields,
  runId: nonBlank,
});

/** @throws {InvalidInputError} {@link InvalidExtractionPathsError} before any I/O. */
export function parseBackfillOptions(options: BackfillOptions): BackfillOptions {
  const subject = 'runBackfill options';
  return Object(options).runId === undefined
    ? parseInput(subject, newRun, options)
    : parseInput(subject, storedRun, options);
}

/**
 * The definition that these options make, with every default in its place.
 * @throws {InvalidInputError} when the repository cannot store what is asked for.
 */
export function definitionOf(
  options: Omit<DefinitionOptions, 'processModelId'>,
  repository: Pick<BackfillRepository, 'storesNull'>,
): RunDefinition {
  const mode = options.mode ?? 'fill';
  return definitionFrom(
    parsePaths(options.paths).map((path) => ({ ...path, mode })),
    options,
    repository,
  );
}

export function definitionFrom(
  paths: readonly (ParsedPath & { readonly mode: BackfillMode })[],
  {
    missing,
    limit,
    instanceIds,
    maxFailures,
    shards,
  }: Omit<DefinitionOptions, 'processModelId' | 'paths' | 'mode'>,
  { storesNull = true }: Pick<BackfillRepository, 'storesNull'>,
): RunDefinition {
  if (missing === 'null' && !storesNull) {
    throw new InvalidInputError(
      "missing: expected 'omit', got 'null': this repository says that it stores no null.",
    );
  }
  return {
    paths,
    missing: missing ?? (storesNull ? 'null' : 'omit'),
    limit: limit ?? null,
    instanceIds: instanceIds === undefined ? null : [...new Set(instanceIds)],
    maxFailures: maxFailures ?? null,
    shards: shards ?? 1,
  };
}

function isIdList(value: unknown): boolean {
  const isId = (id: unknown) => (typeof id === 'string' && id !== '') || Number.isFinite(id);
  return Array.isArray(value) && value.length >= 1 && value.length <= 10_000 && value.every(isId);
}
