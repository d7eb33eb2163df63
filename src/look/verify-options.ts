import { z } from 'zod';
import type { Fields } from '../input/parse-input.js';
import { parseInput } from '../input/parse-input.js';
import type { BackfillRepository } from '../ports/repository.js';
import { aRepository, type CallOptions, callFields } from '../run/options/backfill-options.js';
import { type DefinitionOptions, definitionFields, targetFields } from '../run/options/definition-options.js';
import { type TuningOptions, tuningFields } from '../run/options/tuning-options.js';

/** What to verify. `missing` must be that of the run that filled the keys. */
export interface VerifiedDefinition<Key extends string = string>
  extends Omit<DefinitionOptions<Key>, 'mode' | 'clear' | 'dryRun'> {}

export interface VerifyOptions<Key extends string = string>
  extends VerifiedDefinition<Key>,
    TuningOptions,
    CallOptions {
  readonly repository: BackfillRepository<never>;
}

const { mode: _mode, clear: _clear, dryRun: _dryRun, ...verified } = definitionFields;

export const verifiedFields: Fields<VerifiedDefinition> = { ...targetFields, ...verified };

/** What makes a dry run a verification: every write that it plans is a difference. */
export const VERIFICATION = { mode: 'overwrite', clear: true, dryRun: true } as const;

const verifyOptions: z.ZodType<VerifyOptions> = z.strictObject({
  repository: aRepository,
  ...verifiedFields,
  ...tuningFields,
  ...callFields,
});

/** @throws {InvalidInputError} */
export function parseVerifyOptions(options: VerifyOptions): VerifyOptions {
  return parseInput('verifyBackfill options', verifyOptions, options);
}
