import type { z } from 'zod';
import { expecting, type Fields, isStorable } from '../../input/parse-input.js';
import type { Requester } from '../record/run-record.js';

/** Who asks for something, and why. Stored with the run, and shown by `status`. At most 200 characters each. */
export interface RequesterOptions {
  /** @default nobody is named */
  readonly requestedBy?: string | undefined;
  /** @default none is given */
  readonly reason?: string | undefined;
}

const LONGEST = 200;

const shortText: z.ZodType<string> = expecting(
  `a text of 1 to ${LONGEST} characters, without NUL and without half of a surrogate pair`,
  (value) => typeof value === 'string' && value.trim() !== '' && value.length <= LONGEST && isStorable(value),
);

export const requesterFields: Fields<RequesterOptions> = {
  requestedBy: shortText.optional(),
  reason: shortText.optional(),
};

export function requesterOf({ requestedBy, reason }: RequesterOptions): Requester {
  return { requestedBy: requestedBy ?? null, reason: reason ?? null };
}
