import type { ErrorClass } from 'process-metadata-backfill';

/** The same transaction may succeed when it is tried again. */
export class TransientError extends Error {}

/** Drivers hang statements, parameters and rows on their errors; none of that belongs in a log. */
export function withoutData(error: unknown): unknown {
  for (const property of DATA) if (error instanceof Error) Reflect.deleteProperty(error, property);
  return error;
}

const DATA = ['sql', 'query', 'params', 'parameters', 'detail', 'where', 'internalQuery'];

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

// The driver tells most of its errors apart by the message alone, which is SQLite's own and fixed.
export function classifySqliteError(error: unknown): ErrorClass | undefined {
  if (!hasCode(error, SQLITE_ERROR) || !(error instanceof Error)) return undefined;
  if (/^database (\w+ )*is locked/.test(error.message)) return 'transient';
  return /constraint failed|too big|datatype mismatch/.test(error.message) ? 'instance' : 'systemic';
}

export function isSqliteUniqueViolation(error: unknown): boolean {
  return error instanceof Error && hasCode(error, SQLITE_ERROR) && error.message.startsWith('UNIQUE');
}

const SQLITE_ERROR = 'ERR_SQLITE_ERROR';
