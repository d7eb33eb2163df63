import { setImmediate } from 'node:timers/promises';
import type { RunContext } from './run-context.js';

/** What one document takes at most comes on top. */
const LONGEST_BLOCK_MS = 20;

/**
 * Asked between two documents. Once a block of work gets long, it returns what to await, so that the event loop is free for
 * others. Otherwise `null`: to await after each document would take longer than some documents.
 */
export function createBreather({ runtime }: Pick<RunContext, 'runtime'>): () => Promise<void> | null {
  let since = runtime.now();
  return () => {
    if (runtime.now() - since < LONGEST_BLOCK_MS) return null;
    return setImmediate().then(() => {
      since = runtime.now();
    });
  };
}
