import type { BackfillRepository } from '../../../ports/repository.js';
import { classifyError } from '../../../run/calls/classify-error.js';

/** Tries again after a transient error, such as a deadlock with somebody else in the database, as a run does. */
export async function retried<Result>(
  repository: Pick<BackfillRepository, 'classifyError'>,
  work: () => Promise<Result>,
): Promise<Result> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      if (classifyError(repository, error) !== 'transient' || failures >= MOST) throw error;
    }
  }
}

const MOST = 50;
