/** Why the next batch waits, and when to ask again. */
export interface ThrottleAnswer {
  readonly reason: string;
  /** Milliseconds, at least 1. */
  readonly retryAfterMs: number;
}

/**
 * Asked before each batch. `null`: the batch may go. If it throws or gives another answer, the batch is held for five
 * seconds, and the log has one warning per job.
 */
export type Throttle = () => ThrottleAnswer | null | Promise<ThrottleAnswer | null>;
