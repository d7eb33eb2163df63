import type { BackfillRepository } from '../../../ports/repository.js';
import { classifyError } from '../../../run/calls/classify-error.js';

/** Tries again for a while after a transient error, such as a deadlock with somebody else in the database, as a run does. */
export async function retried<Result>(
  repository: Pick<BackfillRepository, 'classifyError'>,
  work: () => Promise<Result>,
  patienceMs = 10_000,
): Promise<Result> {
  const until = performance.now() + patienceMs;
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      const isOver = tries >= MOST_TRIES || performance.now() > until;
      if (classifyError(repository, error) !== 'transient' || isOver) throw error;
    }
  }
}

const MOST_TRIES = 50;
