/** Why the next batch is to wait, and how long until it is worth asking again. */
export interface ThrottleAnswer {
  readonly reason: string;
  /** At least 1. */
  readonly retryAfterMs: number;
}

/** Asked before each batch; `null` lets it go. One that throws holds the batch back for five seconds. */
export type Throttle = () => ThrottleAnswer | null | Promise<ThrottleAnswer | null>;
