import { setTimeout as wait } from 'node:timers/promises';
import type { Runtime } from '../ports/runtime.js';

/** The real clock, timer and dice. */
export const systemRuntime: Runtime = {
  now: () => Date.now(),
  random: () => Math.random(),
  async sleep(ms, signal) {
    signal?.throwIfAborted();
    try {
      await wait(ms, undefined, { signal });
    } catch (error) {
      signal?.throwIfAborted(); // the timer rejects with an AbortError of its own, callers expect the reason
      throw error;
    }
  },
};
