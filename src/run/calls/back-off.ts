import type { Runtime } from '../../ports/runtime.js';
import type { RetryOptions } from '../options/tuning-options.js';

/** Whether one more try is allowed after this many failed ones. */
export function mayTryAgain({ attempts = 5 }: RetryOptions, failedTries: number): boolean {
  return failedTries < attempts;
}

/** Milliseconds before the next try, after the given number of failed ones: exponential, the upper half random. */
export function backOffMs(options: RetryOptions, failedTries: number, random: Runtime['random']): number {
  const { initialDelayMs = 100, maxDelayMs = 10_000 } = options;
  const delayMs = Math.min(maxDelayMs, initialDelayMs * 2 ** (failedTries - 1));
  return Math.round(delayMs * (0.5 + random() / 2));
}
