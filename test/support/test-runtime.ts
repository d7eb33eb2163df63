import type { Runtime } from '../../src/index.js';

/** A clock that moves by sleeping, and by `tickMs` with each look at it; dice with a seed. */
export function testRuntime(seed = 1, tickMs = 0): Runtime & { readonly slept: number[] } {
  let now = Date.UTC(2026, 0, 1);
  let state = seed;
  const slept: number[] = [];
  return {
    slept,
    now() {
      now += tickMs;
      return now;
    },
    random() {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    },
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      slept.push(ms);
      now += ms;
    },
  };
}
