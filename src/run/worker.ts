import { PortError, RepositoryContractError, type SafePoint } from '../errors.js';
import type { BackfillQueue } from '../ports/queue.js';
import type { BackfillRepository } from '../ports/repository.js';
import type { Runtime } from '../ports/runtime.js';
import { classifyError } from './classify-error.js';
import type { BackfillProgress } from './progress.js';
import { mayRetry, type RetryOptions, retryDelayMs } from './retry.js';
import type { RunLogger } from './run-log.js';

/** What one call of `runBackfill` or `handle` works with. Belongs to this process; nothing of it is stored. */
export interface Worker {
  readonly repository: BackfillRepository<unknown>;
  readonly queue: BackfillQueue<unknown> | null;
  readonly runtime: Runtime;
  readonly batchSize: number;
  readonly sliceMs: number | null;
  readonly retry: RetryOptions;
  readonly signal: AbortSignal;
  readonly log: RunLogger;
  readonly dryRun: boolean;
  onProgress(progress: BackfillProgress): void;
}

/** Calls to the host's ports, with bounded retries of transient faults. */
export interface PortCalls {
  /**
   * @throws {PortError} when retries are spent or would not help.
   * @throws `signal.reason` when the worker is aborted first.
   */
  call<T>(what: PortMethod, call: () => Promise<T>): Promise<T>;
  /** Waits before the next try, or throws as `call` does. For callers that look around before they try again. */
  recover(what: PortMethod, error: unknown, failedAttempts: number): Promise<void>;
  /** An error for an answer that no correct repository gives. */
  contractError(message: string): RepositoryContractError;
}

type PortMethod =
  | 'queue.enqueue'
  | `repository.${'surveyInstances' | 'readInstances' | 'commit' | 'loadRun' | 'findRuns'}`;

export interface PortCallContext {
  readonly runId: string;
  progress(): SafePoint;
  onWait(reason: string | null): void;
}

export function portCalls(
  { repository, runtime, retry, signal }: Pick<Worker, 'repository' | 'runtime' | 'retry' | 'signal'>,
  context: PortCallContext,
): PortCalls {
  async function recover(what: PortMethod, error: unknown, failedAttempts: number): Promise<void> {
    signal.throwIfAborted();
    // A queue has no error classes: whatever it throws may pass.
    const isTransient = what === 'queue.enqueue' || classifyError(repository, error) === 'transient';
    if (!isTransient || !mayRetry(retry, failedAttempts)) {
      throw portError(what, error, { ...context, retryable: isTransient });
    }
    context.onWait(reasonOf(error));
    await runtime.sleep(retryDelayMs(retry, failedAttempts, runtime.random), signal);
    context.onWait(null);
  }

  return {
    recover,
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

function portError(
  what: PortMethod,
  error: unknown,
  { runId, progress, retryable }: PortCallContext & { readonly retryable: boolean },
): PortError {
  const safe = progress();
  const where = safe.total === 0 ? '' : ` at ${safe.processed}/${safe.total}`;
  const advice = retryable ? 'Try again, or' : 'Mend the cause, then';
  return new PortError(
    `${what} failed for run ${runId}${where}: ${reasonOf(error)}. What was committed is kept. ${advice} go on with runId '${runId}'.`,
    { runId, progress: safe, retryable, cause: error },
  );
}

/** Never more than the message: drivers hang statements and values on their errors. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
