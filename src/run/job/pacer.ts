import type { Throttle, ThrottleAnswer } from '../../ports/throttle.js';
import { reasonOf } from '../calls/reason-of.js';
import type { RunContext } from '../context/run-context.js';

/** Says when the next batch may go. */
export interface Pacer {
  /** @throws `signal.reason` when aborted meanwhile. */
  ask(): Promise<ThrottleAnswer | null>;
  /** Whether only the host's throttle can hold the next batch back. */
  readonly isFree: boolean;
  learn(batch: { readonly instances: number; readonly startedAt: number }): void;
}

export function createPacer({
  throttle,
  maxInstancesPerSecond,
  runtime,
  signal,
}: Pick<RunContext, 'throttle' | 'maxInstancesPerSecond' | 'runtime' | 'signal'>): Pacer {
  let free = Number.NEGATIVE_INFINITY;
  return {
    isFree: maxInstancesPerSecond === null,
    async ask() {
      const answer = throttle === null ? null : await askHost(throttle, signal);
      if (answer !== null) return answer;
      const retryAfterMs = free - runtime.now();
      return retryAfterMs > 0
        ? { reason: `maxInstancesPerSecond is ${maxInstancesPerSecond}`, retryAfterMs: within(retryAfterMs) }
        : null;
    },
    learn({ instances, startedAt }) {
      if (maxInstancesPerSecond === null) return;
      free = Math.max(free, startedAt) + (instances * 1000) / maxInstancesPerSecond;
    },
  };
}

/** However long the host wants to hold a batch, it is asked again within a day. */
const LONGEST_MS = 86_400_000;

function within(retryAfterMs: number): number {
  return Math.min(LONGEST_MS, Math.max(1, retryAfterMs));
}

/** How long a batch is held when the host cannot answer. */
const UNANSWERED_MS = 5_000;

async function askHost(throttle: Throttle, signal: AbortSignal): Promise<ThrottleAnswer | null> {
  try {
    const answer: unknown = await untilAborted(async () => throttle(), signal);
    if (answer === null || answer === undefined) return null;
    if (isAnswer(answer)) return { reason: answer.reason, retryAfterMs: within(answer.retryAfterMs) };
    return { reason: 'throttle: expected null or { reason, retryAfterMs }', retryAfterMs: UNANSWERED_MS };
  } catch (error) {
    signal.throwIfAborted();
    return { reason: `throttle failed: ${reasonOf(error)}`, retryAfterMs: UNANSWERED_MS };
  }
}

function isAnswer(answer: unknown): answer is ThrottleAnswer {
  const { reason, retryAfterMs } = Object(answer) as Record<keyof ThrottleAnswer, unknown>;
  return typeof reason === 'string' && typeof retryAfterMs === 'number' && Number.isFinite(retryAfterMs);
}

/** A throttle that never answers must not delay the shutdown of a worker. */
async function untilAborted<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
