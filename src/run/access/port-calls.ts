import { PortError, RepositoryContractError } from '../../errors.js';
import type { ProgressWatch } from '../record/progress.js';
import type { Worker } from '../worker.js';
import { classifyError } from './classify-error.js';
import { reasonOf } from './reason-of.js';
import { mayRetry, retryDelayMs } from './retry.js';

/** Calls to the host's ports, with bounded retries of transient faults. */
export interface PortCalls {
  /**
   * @throws {PortError} when retries are spent or would not help.
   * @throws `signal.reason` when the worker is aborted first.
   */
  call<T>(what: PortMethod, call: () => Promise<T>): Promise<T>;
  /** Waits before the next try, or throws as `call` does. For callers that look around before they try again. */
  recover(what: PortMethod, error: unknown, failedAttempts: number): Promise<void>;
  /** For what was tried often enough. */
  failure(what: PortMethod, error: unknown): PortError;
  /** An error for an answer that no correct repository gives. */
  contractError(message: string): RepositoryContractError;
}

type PortMethod =
  | 'queue.enqueue'
  | `repository.${'surveyInstances' | 'splitInstances' | 'readInstances' | 'commit' | 'loadRun' | 'findRuns'}`;

export function portCalls(
  {
    repository,
    runtime,
    retry,
    signal,
    dryRun,
  }: Pick<Worker, 'repository' | 'runtime' | 'retry' | 'signal' | 'dryRun'>,
  context: ProgressWatch,
): PortCalls {
  async function recover(what: PortMethod, error: unknown, failedAttempts: number): Promise<void> {
    signal.throwIfAborted();
    // A queue has no error classes: whatever it throws may pass.
    const mayPass = what === 'queue.enqueue' || isPassing(classifyError(repository, error));
    if (!mayPass || !mayRetry(retry, failedAttempts)) {
      throw portError(what, error, { ...context, dryRun, retryable: mayPass });
    }
    context.onWait({ for: 'retry', reason: reasonOf(error) });
    await runtime.sleep(retryDelayMs(retry, failedAttempts, runtime.random), signal);
    context.onWait(null);
  }

  return {
    recover,
    failure: (what, error) =>
      portError(what, error, { ...context, dryRun, retryable: isPassing(classifyError(repository, error)) }),
    contractError: (message) =>
      new RepositoryContractError(`The repository broke its contract in run ${context.runId}: ${message}`, {
        runId: context.runId,
        progress: context.progress(),
      }),
    async call(what, call) {
      for (let failedAttempts = 1; ; failedAttempts += 1) {
        try {
          return await call();
        } catch (error) {
          await recover(what, error, failedAttempts);
        }
      }
    },
  };
}

function isPassing(kind: ReturnType<typeof classifyError>): boolean {
  return kind === 'transient' || kind === 'unknown';
}

function portError(
  what: PortMethod,
  error: unknown,
  {
    runId,
    progress,
    retryable,
    dryRun,
  }: ProgressWatch & { readonly retryable: boolean; readonly dryRun: boolean },
): PortError {
  const safe = progress();
  const where = safe.total === 0 ? '' : ` at ${safe.processed}/${safe.total}`;
  const advice = retryable ? 'Try again, or' : 'Mend the cause, then';
  // Requests and sweeps begin by looking for runs, and a dry run stores none: then there is none to go on with.
  const message =
    runId === '' || dryRun
      ? `${what} failed: ${reasonOf(error)}. ${retryable ? 'Try again' : 'Mend the cause and try again'}.`
      : `${what} failed for run ${runId}${where}: ${reasonOf(error)}. What was committed is kept. ${advice} go on with runId '${runId}'.`;
  return new PortError(message, { runId, progress: safe, retryable, cause: error });
}
