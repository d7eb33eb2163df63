import { setTimeout } from 'node:timers/promises';

/** Asks again and again until the answer is there. How long that may take is the test's own time-out to say. */
export async function eventually<Answer>(
  ask: () => Promise<Answer | null | undefined | false>,
  signal?: AbortSignal,
): Promise<Answer> {
  for (;;) {
    signal?.throwIfAborted();
    const answer = await ask();
    if (answer !== null && answer !== undefined && answer !== false) return answer;
    await setTimeout(20);
  }
}
