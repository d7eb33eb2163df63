import { InvalidInputError } from '../errors.js';
import { describe } from '../input/parse-input.js';
import type { Throttle } from '../ports/throttle.js';

/**
 * A throttle that lets a batch begin once all of these do. All are asked before each batch. The longest wait counts, with its
 * reason. If one of them throws an error, so does this one.
 * @throws {InvalidInputError} when one of them is no function.
 * @example
 * throttle: all(offPeak({ from: '20:00', to: '06:00', timeZone: 'Europe/Berlin' }), myLoadThrottle)
 */
export function all(...throttles: readonly Throttle[]): Throttle {
  for (const throttle of throttles) {
    if (typeof throttle !== 'function')
      throw new InvalidInputError(
        `all: expected throttles, which are functions, got ${describe(throttle)}. Write all(a, b)`,
      );
  }
  return async () => {
    const answers = await Promise.all(throttles.map(async (throttle) => throttle()));
    const waits = answers.filter((answer) => answer !== null && answer !== undefined);
    const wrong = waits.find((answer) => !Number.isFinite(Object(answer).retryAfterMs)); // for the warning of the job
    return wrong ?? waits.toSorted((a, b) => b.retryAfterMs - a.retryAfterMs)[0] ?? null;
  };
}
