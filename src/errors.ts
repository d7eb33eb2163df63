/** Stable identifiers of all errors of this library. Messages may change between versions, codes do not. */
export type BackfillErrorCode =
  | 'INVALID_PATHS'
  | 'INVALID_INPUT'
  | 'TASK_DATA_UNREADABLE'
  | 'VALUE_NOT_JSON'
  | 'VALUE_UNSAFE_INTEGER'
  | 'VALUE_CYCLIC'
  | 'VALUE_TOO_DEEP'
  | 'VALUE_TOO_LARGE'
  | 'VALUE_UNREADABLE'
  | 'RUN_NOT_FOUND'
  | 'RUN_STATE'
  | 'RUN_FORMAT'
  | 'REPOSITORY_CONTRACT'
  | 'PORT_FAILED';

const BRAND = Symbol.for('process-metadata-backfill.error');

/** What every error of this library has in common. */
export abstract class BackfillError extends Error {
  abstract override readonly name: string;
  readonly code: BackfillErrorCode;
  /** Whether a job runner should deliver the job again: the same call may succeed later. */
  readonly retryable: boolean;

  constructor(
    code: BackfillErrorCode,
    message: string,
    options: { readonly retryable?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.retryable = options.retryable ?? false;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** Extraction paths that cannot be used. Lists every problem, not only the first. */
export class InvalidExtractionPathsError extends BackfillError {
  override readonly name = 'InvalidExtractionPathsError';
  declare readonly code: 'INVALID_PATHS';
  /** All of them. The message names the first 20. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super('INVALID_PATHS', problemList('Invalid extraction paths', problems));
    this.problems = problems;
  }
}

/** What is wrong, as the lines of one message. A person fixes no more than some of them at a time. */
export function problemList(subject: string, problems: readonly string[]): string {
  const rest = problems.length > MOST_PROBLEMS ? [`and ${problems.length - MOST_PROBLEMS} more`] : [];
  return `${subject}:\n- ${[...problems.slice(0, MOST_PROBLEMS), ...rest].join('\n- ')}`;
}

const MOST_PROBLEMS = 20;

/** Options, configuration or a job payload are wrong. Nothing was read or written. */
export class InvalidInputError extends BackfillError {
  override readonly name = 'InvalidInputError';
  declare readonly code: 'INVALID_INPUT';

  constructor(message: string) {
    super('INVALID_INPUT', message);
  }
}

export type MetadataValueErrorCode =
  | 'TASK_DATA_UNREADABLE'
  | 'VALUE_NOT_JSON'
  | 'VALUE_UNSAFE_INTEGER'
  | 'VALUE_CYCLIC'
  | 'VALUE_TOO_DEEP'
  | 'VALUE_TOO_LARGE'
  | 'VALUE_UNREADABLE';

/**
 * The task data is not JSON, or JSON cannot carry a value in it. During a run, that instance is counted as failed and the
 * run goes on.
 */
export class MetadataValueError extends BackfillError {
  override readonly name = 'MetadataValueError';
  declare readonly code: MetadataValueErrorCode;

  constructor(code: MetadataValueErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(code, message, options);
  }
}

/**
 * A run is not stored (yet), its state does not allow the call, or its records cannot be read: another version stored
 * them in another format, or they are damaged. Retryable if a newer version did, or if the run is not stored.
 */
export class RunError extends BackfillError {
  override readonly name = 'RunError';
  declare readonly code: 'RUN_NOT_FOUND' | 'RUN_STATE' | 'RUN_FORMAT';
  readonly runId: string;

  constructor(
    code: 'RUN_NOT_FOUND' | 'RUN_STATE' | 'RUN_FORMAT',
    runId: string,
    message: string,
    options: { readonly retryable?: boolean } = {},
  ) {
    super(code, message, options);
    this.runId = runId;
  }
}

/** How far a run had come when its last batch was committed. */
export interface SafePoint {
  /** Instances that have their outcome: processed, failed and gone ones. */
  readonly visited: number;
  readonly total: number;
}

/** The repository broke a promise of its port. Nothing of the answer in question was committed. */
export class RepositoryContractError extends BackfillError {
  override readonly name = 'RepositoryContractError';
  declare readonly code: 'REPOSITORY_CONTRACT';
  /** `null` when the call was about no run in particular. */
  readonly runId: string | null;
  readonly progress: SafePoint;

  constructor(message: string, context: { readonly runId: string | null; readonly progress: SafePoint }) {
    super('REPOSITORY_CONTRACT', message);
    this.runId = context.runId;
    this.progress = context.progress;
  }
}

/**
 * The repository or the queue failed, and retries did not or would not help. What was committed is kept. The message says
 * how to go on.
 */
export class PortError extends BackfillError {
  override readonly name = 'PortError';
  declare readonly code: 'PORT_FAILED';
  /** `null` when the call was about no run in particular. */
  readonly runId: string | null;
  readonly progress: SafePoint;

  constructor(
    message: string,
    context: {
      readonly runId: string | null;
      readonly progress: SafePoint;
      readonly retryable: boolean;
      readonly cause: unknown;
    },
  ) {
    super('PORT_FAILED', message, context);
    this.runId = context.runId;
    this.progress = context.progress;
  }
}

/** The class of the errors that have a code. */
export interface ErrorByCode {
  readonly INVALID_PATHS: InvalidExtractionPathsError;
  readonly INVALID_INPUT: InvalidInputError;
  readonly TASK_DATA_UNREADABLE: MetadataValueError;
  readonly VALUE_NOT_JSON: MetadataValueError;
  readonly VALUE_UNSAFE_INTEGER: MetadataValueError;
  readonly VALUE_CYCLIC: MetadataValueError;
  readonly VALUE_TOO_DEEP: MetadataValueError;
  readonly VALUE_TOO_LARGE: MetadataValueError;
  readonly VALUE_UNREADABLE: MetadataValueError;
  readonly RUN_NOT_FOUND: RunError;
  readonly RUN_STATE: RunError;
  readonly RUN_FORMAT: RunError;
  readonly REPOSITORY_CONTRACT: RepositoryContractError;
  readonly PORT_FAILED: PortError;
}

/** Whether this library, in any installed copy, threw `error`. With `code`: whether the error has that code. */
export function isBackfillError(error: unknown): error is BackfillError;
export function isBackfillError<Code extends BackfillErrorCode>(
  error: unknown,
  code: Code,
): error is ErrorByCode[Code] & { readonly code: Code };
export function isBackfillError(error: unknown, code?: BackfillErrorCode): boolean {
  try {
    if (!(error instanceof Error) || !(BRAND in error)) return false;
    return code === undefined || Reflect.get(error, 'code') === code;
  } catch {
    return false; // a proxy may refuse even to be looked at
  }
}
