import { setTimeout as wait } from 'node:timers/promises';
import type { Runtime } from '../../ports/runtime.js';

/** A longer timer of Node.js fires at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The real clock, timer and random numbers. */
export const systemRuntime: Runtime = {
  now: () => Date.now(),
  random: () => Math.random(),
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    try {
      let left = ms;
      do {
        await wait(Math.min(left, LONGEST_TIMER), undefined, { signal });
        left -= LONGEST_TIMER;
      } while (left > 0);
    } catch (error) {
      signal?.throwIfAborted(); // the timer rejects with an AbortError of its own, callers expect the reason
      throw error;
    }
  },
};
