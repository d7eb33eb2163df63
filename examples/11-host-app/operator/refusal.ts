import { type BackfillErrorCode, isBackfillError } from 'process-metadata-backfill';

export type RefusalStatus = 400 | 403 | 404 | 405 | 409 | 413 | 421 | 422 | 500 | 503;

/** Something that was not done, in a sentence for the person who wanted it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: RefusalStatus;

  constructor(status: RefusalStatus, sentence: string) {
    super(sentence);
    this.status = status;
  }
}

/** What a page says about an error. `null`: the error is none that a person at the page can do something about. */
export function refusalFor(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  if (!isBackfillError(error)) return null;
  if (isBackfillError(error, 'RUN_NOT_FOUND')) return new Refusal(404, 'There is no such run.');
  return new Refusal(STATUS[error.code] ?? 500, error.message);
}

const STATUS: Partial<Record<BackfillErrorCode, RefusalStatus>> = {
  INVALID_INPUT: 400,
  INVALID_PATHS: 422,
  RUN_STATE: 409,
  RUN_FORMAT: 409,
  PORT_FAILED: 503,
};
