import { isBackfillError, PortError, RepositoryContractError, type SafePoint } from '../../errors.js';
import type { RunContext } from '../context/run-context.js';
import type { ProgressWatch } from '../record/progress.js';
import { backOffMs, mayTryAgain } from './back-off.js';
import { classifyError } from './classify-error.js';
import { reasonOf } from './reason-of.js';

/** Calls of the host's ports. Transient faults are retried here and nowhere else. */
export interface PortCalls {
  /**
   * Tries until `attempt` resolves, with a pause after each error. `attempt` learns how many tries have failed before.
   * @param options.onError looks at an error before the pause. What it resolves to ends the tries, unless it is null.
   * @param options.isOnlyTry when the caller cannot retry, because a transaction of the host is broken by an error.
   * @throws {PortError} when the tries are spent or a retry would not help.
   * @throws `signal.reason` when aborted first.
   */
  call<T>(
    method: PortMethod,
    attempt: (failedTries: number) => Promise<T>,
    options?: {
      readonly onError?: (error: unknown, failedTries: number) => Promise<T | null>;
      readonly isOnlyTry?: boolean;
    },
  ): Promise<T>;
  /** Whether a retry is allowed after this many failed tries. */
  mayTryAgain(failedTries: number): boolean;
  /** Waits before the next retry. */
  pause(failedTries: number): Promise<void>;
  /** The error for a fault that is not retried. */
  failure(method: PortMethod, error: unknown): PortError;
  /** The error for an answer that no correct repository gives. */
  contractError(message: string): RepositoryContractError;
}

export type PortMethod =
  | 'queue.enqueue'
  | `repository.${'settled' | 'surveyInstances' | 'splitInstances' | 'readInstances' | 'commit' | 'loadRun' | 'findRuns'}`;

/**
 * @param watch of the run that the calls are about. `null`: they are about no run in particular.
 * @param options.isStored whether a failure leaves a stored run to go on with.
 */
export function portCalls(
  context: RunContext,
  watch: ProgressWatch | null,
  { isStored }: { readonly isStored: boolean },
): PortCalls {
  const { repository, runtime, retry, signal } = context;
  const where = {
    runId: watch?.runId ?? null,
    progress: () => watch?.progress() ?? { visited: 0, total: 0 },
  };

  // A queue has no error classes: whatever it throws counts as transient.
  const mayPass = (method: PortMethod, error: unknown): boolean =>
    method === 'queue.enqueue' ||
    !['instance', 'doubtful', 'systemic'].includes(classifyError(repository, error));

  const pause = (failedTries: number): Promise<void> =>
    runtime.sleep(backOffMs(retry, failedTries, runtime.random), signal);

  function failure(method: PortMethod, error: unknown): PortError {
    const retryable = mayPass(method, error);
    const [runId, progress] = [where.runId, where.progress()];
    const message =
      isStored && !context.dryRun // which stores nothing
        ? `${method} failed for run ${runId}${reached(progress)}: ${reasonOf(error)}. What was committed is kept. ${retryable ? 'Go' : 'Fix the cause, then go'} on with runId '${runId}'.`
        : `${method} failed: ${reasonOf(error)}. ${retryable ? 'Retry' : 'Fix the cause, then call again'}.`;
    return new PortError(message, { runId, progress, retryable, cause: error });
  }

  return {
    mayTryAgain: (failedTries) => mayTryAgain(retry, failedTries),
    pause,
    failure,
    contractError(message) {
      const [runId, progress] = [where.runId, where.progress()];
      const run = runId === null ? '' : ` in run ${runId}`;
      return new RepositoryContractError(`The repository broke its contract${run}: ${message}`, {
        runId,
        progress,
      });
    },
    async call(method, attempt, { onError, isOnlyTry = false } = {}) {
      for (let failedTries = 0; ; ) {
        try {
          return await attempt(failedTries);
        } catch (error) {
          if (isBackfillError(error)) throw error; // of another call inside of this one
          failedTries += 1;
          const result = (await onError?.(error, failedTries)) ?? null;
          if (result !== null) return result;
          signal.throwIfAborted();
          if (isOnlyTry || !mayPass(method, error) || !mayTryAgain(retry, failedTries))
            throw failure(method, error);
          const delayMs = backOffMs(retry, failedTries, runtime.random);
          watch?.onWait({ for: 'retry', reason: reasonOf(error), until: runtime.now() + delayMs });
          await runtime.sleep(delayMs, signal);
          watch?.onWait(null);
        }
      }
    },
  };
}

function reached({ visited, total }: SafePoint): string {
  return total === 0 ? '' : ` at ${visited}/${total}`;
}
