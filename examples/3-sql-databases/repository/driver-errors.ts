import type { ErrorClass } from 'process-metadata-backfill';

/** The same transaction may succeed when it is retried. */
export class TransientError extends Error {}

/** Drivers attach statements, parameters and rows to their errors. None of that belongs in a log. */
export function withoutData(error: unknown): unknown {
  for (const property of DATA) if (error instanceof Error) Reflect.deleteProperty(error, property);
  return error;
}

const DATA = ['sql', 'query', 'params', 'parameters', 'detail', 'where', 'internalQuery'];

export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

// Most errors of this driver differ only in the message. The message comes from SQLite and does not change.
export function classifySqliteError(error: unknown): ErrorClass | undefined {
  if (!hasCode(error, SQLITE_ERROR) || !(error instanceof Error)) return undefined;
  if (/^database (\w+ )*is locked/.test(error.message)) return 'transient';
  return /constraint failed|too big|datatype mismatch/.test(error.message) ? 'instance' : 'systemic';
}

export function isSqliteUniqueViolation(error: unknown): boolean {
  return error instanceof Error && hasCode(error, SQLITE_ERROR) && error.message.startsWith('UNIQUE');
}

const SQLITE_ERROR = 'ERR_SQLITE_ERROR';
