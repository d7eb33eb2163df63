/** The clock, the timer and the dice: the only way in which the library reads time or chance. */
export interface Runtime {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Resolves after `ms`; rejects with `signal.reason` when that is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** From 0 up to 1, exclusive. */
  random(): number;
}
