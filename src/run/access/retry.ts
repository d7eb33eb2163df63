import { z } from 'zod';
import { wholeNumber } from '../../input/parse-input.js';
import type { Runtime } from '../../ports/runtime.js';

export interface RetryOptions {
  /** Tries in all, the first included. @default 5 */
  readonly attempts?: number | undefined;
  /** Before the second try; doubles from there. @default 100 */
  readonly initialDelayMs?: number | undefined;
  /** @default 10_000 */
  readonly maxDelayMs?: number | undefined;
}

/** How long to wait after the given failed attempt (from 1 on): exponential, the upper half of it at random. */
export function retryDelayMs(
  options: RetryOptions,
  failedAttempts: number,
  random: Runtime['random'],
): number {
  const { initialDelayMs = 100, maxDelayMs = 10_000 } = options;
  const full = Math.min(maxDelayMs, initialDelayMs * 2 ** (failedAttempts - 1));
  return Math.round(full * (0.5 + random() / 2));
}

/** Whether one more try is allowed after so many failed ones. */
export function mayRetry({ attempts = 5 }: RetryOptions, failedAttempts: number): boolean {
  return failedAttempts < attempts;
}

export const retryOptions: z.ZodType<RetryOptions> = z.strictObject(
  {
    attempts: wholeNumber(1, 100).optional(),
    initialDelayMs: wholeNumber(0, 3_600_000).optional(),
    maxDelayMs: wholeNumber(0, 3_600_000).optional(),
  },
  {
    error: ({ code }) =>
      code === 'invalid_type' ? 'expected { attempts, initialDelayMs, maxDelayMs }' : undefined,
  },
);
