import { codesOf, isSqlState } from '../../run/calls/error-codes.js';
import { errorsWithin } from '../../run/calls/wrapped-errors.js';

/** The code that PostgreSQL has given an error, however deep a library has wrapped it. Empty: it has none. */
export function sqlStateOf(error: unknown): string {
  return errorsWithin(error).flatMap(codesOf).find(isSqlState) ?? '';
}

/** A row with this key exists already. */
export const UNIQUE_VIOLATION = '23505';
export const UNDEFINED_FUNCTION = '42883';
