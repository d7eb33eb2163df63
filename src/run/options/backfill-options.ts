import { z } from 'zod';
import {
  aFunction,
  expecting,
  type Fields,
  leftOut,
  nonBlank,
  objectWith,
  parseInput,
} from '../../input/parse-input.js';
import type { BackfillQueue } from '../../ports/queue.js';
import type { BackfillRepository } from '../../ports/repository.js';
import type { BackfillProgress } from '../record/progress.js';
import { type DefinitionOptions, definitionFields, targetFields } from './definition-options.js';
import { type TuningOptions, tuningFields } from './tuning-options.js';

export interface CallOptions {
  /**
   * Called when a job has read its run, after each commit and any other change to the run that the job makes or sees,
   * before a wait for a retry or for the throttle, when the retry begins, and at the end of the job. Its errors are
   * ignored.
   */
  readonly onProgress?: ((progress: BackfillProgress) => void) | undefined;
  /** Stops the job after the batch in flight. The checkpoint stays. */
  readonly signal?: AbortSignal | undefined;
}

export interface RunPorts {
  readonly repository: BackfillRepository<never>;
  /** Where continuations are enqueued. @default none: the caller calls again on `continued` */
  readonly queue?: BackfillQueue<never> | undefined;
}

/** Starts a new run. */
export interface NewRunOptions<Key extends string = string>
  extends RunPorts,
    Omit<DefinitionOptions<Key>, 'differences' | 'maxListedDifferences'>,
    TuningOptions,
    CallOptions {
  readonly runId?: undefined;
}

/** Goes on with a stored run, from its checkpoint. */
export interface StoredRunOptions extends RunPorts, TuningOptions, CallOptions {
  readonly runId: string;
}

export type BackfillOptions<Key extends string = string> = NewRunOptions<Key> | StoredRunOptions;

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

export const callFields: Fields<CallOptions> = {
  onProgress: aFunction<(progress: BackfillProgress) => void>().optional(),
  signal: expecting<AbortSignal>('an AbortSignal', (value) => value instanceof AbortSignal).optional(),
};

const newRun: z.ZodType<NewRunOptions> = z.strictObject({
  ...portFields,
  ...targetFields,
  ...definitionFields,
  ...tuningFields,
  ...callFields,
  ...leftOut(
    ['differences', 'maxListedDifferences'],
    'of runBackfill, which lists none (verifyBackfill does)',
  ),
  runId: z.undefined().optional(),
});

const storedRun: z.ZodType<StoredRunOptions> = z.strictObject({
  ...portFields,
  ...tuningFields,
  ...callFields,
  runId: nonBlank,
  ...leftOut(Object.keys({ ...targetFields, ...definitionFields }), 'when runId is given'),
});

/** @throws {InvalidInputError} or {@link InvalidExtractionPathsError}, before any I/O. */
export function parseBackfillOptions(options: BackfillOptions): BackfillOptions {
  const subject = 'runBackfill options';
  const isStored = Object.hasOwn(Object(options), 'runId') && options.runId !== undefined;
  return isStored ? parseInput(subject, storedRun, options) : parseInput(subject, newRun, options);
}
