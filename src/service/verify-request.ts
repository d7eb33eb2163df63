import { z } from 'zod';
import { leftOut, parseInput } from '../input/parse-input.js';
import { VERIFICATION, type VerifiedDefinition, verifiedFields } from '../look/verify-options.js';
import { commonFields, type ManualRequest, type RequestOptions } from './backfill-request.js';

/** Asks for a verification of any paths. */
export interface VerifyRequest<Transaction = never> extends RequestOptions<Transaction>, VerifiedDefinition {}

const verifyRequest: z.ZodType<VerifyRequest<unknown>> = z.strictObject({
  ...verifiedFields,
  ...commonFields,
  ...leftOut(['mode', 'clear', 'dryRun'], 'in a verification'),
});

/** @throws {InvalidInputError} */
export function verificationOf<Transaction>(request: VerifyRequest<Transaction>): ManualRequest<Transaction> {
  const asked = parseInput('request', verifyRequest, request as VerifyRequest<unknown>);
  return { ...(asked as VerifyRequest<Transaction>), ...VERIFICATION };
}
