import { z } from 'zod';
import { type Fields, parseInput, wholeNumber } from '../input/parse-input.js';
import type { BackfillRepository, InstanceId } from '../ports/repository.js';
import { aRepository, type CallOptions, callFields } from '../run/options/backfill-options.js';
import { type DefinitionOptions, definitionFields, targetFields } from '../run/options/definition-options.js';
import { type TuningOptions, tuningFields } from '../run/options/tuning-options.js';

/** Which instances to look at. */
export interface SampleOptions extends Pick<CallOptions, 'signal'> {
  /** How many instances to look at, from 1 to 10,000. All of them if there are fewer. @default 200 */
  readonly sampleSize?: number | undefined;
  /** Only these, at most 10,000. @default all of the model */
  readonly instanceIds?: readonly InstanceId[] | undefined;
}

export interface PreviewOptions<Key extends string = string>
  extends Pick<DefinitionOptions<Key>, 'processModelId' | 'paths' | 'missing'>,
    SampleOptions,
    Pick<TuningOptions, 'batchSize' | 'retry' | 'runtime'> {
  readonly repository: BackfillRepository<never>;
}

export const DEFAULT_SAMPLE_SIZE = 200;

export const sampleFields: Fields<SampleOptions> = {
  sampleSize: wholeNumber(1, 10_000).optional(),
  instanceIds: definitionFields.instanceIds,
  signal: callFields.signal,
};

const previewOptions: z.ZodType<PreviewOptions> = z.strictObject({
  repository: aRepository,
  ...targetFields,
  ...sampleFields,
  missing: definitionFields.missing,
  batchSize: tuningFields.batchSize,
  retry: tuningFields.retry,
  runtime: tuningFields.runtime,
});

/** @throws {InvalidInputError} */
export function parsePreviewOptions(options: PreviewOptions): PreviewOptions {
  return parseInput('previewBackfill options', previewOptions, options);
}
