/**
 * Where log lines go: `console`, pino and winston fit as they are. Errors that a method throws or rejects with are
 * ignored. A pino logger gets `(fields, line)`, unless it says `takesFields: false`.
 */
export interface BackfillLogger {
  readonly takesFields?: false | undefined;
  info(line: string): unknown;
  warn(line: string): unknown;
  error(line: string): unknown;
}

/** A logger that takes an object before the line. */
export interface StructuredLogger {
  readonly takesFields: true;
  info(fields: LogFields, line: string): unknown;
  warn(fields: LogFields, line: string): unknown;
  error(fields: LogFields, line: string): unknown;
}

/** What a line says, for loggers that take an object next to it. */
export interface LogFields {
  /** Such as `started`, `progressed`, `completed`, `instance-failed`, `failed`, `paused`, `warning`. */
  readonly event: string;
  readonly runId: string;
  readonly processModelId: string;
  /** The counts, ids and codes of the line. */
  readonly [name: string]: unknown;
}
