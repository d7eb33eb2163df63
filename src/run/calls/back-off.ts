import type { Runtime } from '../../ports/runtime.js';
import type { RetryOptions } from '../options/tuning-options.js';

/** Whether a retry is allowed after this many failed tries. */
export function mayTryAgain({ attempts = 5 }: RetryOptions, failedTries: number): boolean {
  return failedTries < attempts;
}

/** Milliseconds before the next retry, after the given number of failed tries: exponential, the upper half random. */
export function backOffMs(options: RetryOptions, failedTries: number, random: Runtime['random']): number {
  const { initialDelayMs = 100, maxDelayMs = 10_000 } = options;
  const delayMs = Math.min(maxDelayMs, initialDelayMs * 2 ** (failedTries - 1));
  return Math.round(delayMs * (0.5 + random() / 2));
}
