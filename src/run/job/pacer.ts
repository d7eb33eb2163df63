import { describe } from '../../input/parse-input.js';
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

/** @param warn is told the first time that the host's throttle gives no proper answer. */
export function createPacer(
  {
    throttle,
    maxInstancesPerSecond,
    runtime,
    signal,
  }: Pick<RunContext, 'throttle' | 'maxInstancesPerSecond' | 'runtime' | 'signal'>,
  warn: (message: string) => void,
): Pacer {
  let free = Number.NEGATIVE_INFINITY;
  let hasWarned = false;

  function unanswered(reason: string): ThrottleAnswer {
    if (!hasWarned) warn(`${reason}. ${UNANSWERED_ADVICE}`);
    hasWarned = true;
    return { reason, retryAfterMs: UNANSWERED_MS };
  }

  return {
    isFree: maxInstancesPerSecond === null,
    async ask() {
      const answer = throttle === null ? null : await askHost(throttle, signal, unanswered);
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

const UNANSWERED_ADVICE =
  'Batches are held for 5 seconds at a time until throttle returns null, which lets them go, or a reason (a text) and retryAfterMs (a number)';

async function askHost(
  throttle: Throttle,
  signal: AbortSignal,
  unanswered: (reason: string) => ThrottleAnswer,
): Promise<ThrottleAnswer | null> {
  try {
    const answer: unknown = await untilAborted(async () => throttle(), signal);
    if (answer === null || answer === undefined) return null;
    if (isAnswer(answer)) return { reason: answer.reason, retryAfterMs: within(answer.retryAfterMs) };
    return unanswered(`throttle: expected null or { reason, retryAfterMs }, got ${show(answer)}`);
  } catch (error) {
    signal.throwIfAborted();
    return unanswered(`throttle failed: ${reasonOf(error)}`);
  }
}

function isAnswer(answer: unknown): answer is ThrottleAnswer {
  const { reason, retryAfterMs } = Object(answer) as Record<keyof ThrottleAnswer, unknown>;
  return typeof reason === 'string' && typeof retryAfterMs === 'number' && Number.isFinite(retryAfterMs);
}

function show(answer: unknown): string {
  if (typeof answer !== 'object' || answer === null) return describe(answer);
  const { reason, retryAfterMs } = answer as Record<keyof ThrottleAnswer, unknown>;
  return `{ reason: ${describe(reason)}, retryAfterMs: ${describe(retryAfterMs)} }`;
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
