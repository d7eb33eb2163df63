import { classifyError } from '../../../run/calls/classify-error.js';
import type { TestedRepository } from './tested-repository.js';

/** Tries a commit again after a transient error, as a run does. */
export async function retried<Result>(
  { repository }: TestedRepository,
  commit: () => Promise<Result>,
): Promise<Result> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await commit();
    } catch (error) {
      if (classifyError(repository, error) !== 'transient' || failures >= MOST) throw error;
    }
  }
}

const MOST = 50;
