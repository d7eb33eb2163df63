import createDebug from 'debug';
import type { BackfillLogger } from '../../ports/logger.js';
import type { InstanceId } from '../../ports/repository.js';

/** The lines that operators search their logs for. */
export interface RunLog {
  started(run: LoggedRun): void;
  progressed(run: LoggedRun, visited: number, total: number): void;
  completed(run: LoggedRun, counts: { processed: number; updated: number; elapsedMs: number }): void;
  instanceFailed(run: LoggedRun, instanceId: InstanceId, reason: string): void;
  /** The whole run failed, or this job. */
  failed(run: LoggedRun, reason: string): void;
  /** Something that an operator should look at. The run goes on, or can go on. */
  warned(run: LoggedRun, message: string): void;
}

export interface LoggedRun {
  readonly runId: string;
  readonly processModelId: string;
}

export const DEFAULT_LOG_TAG = 'celery_task_backfill_metadata';

const debug = createDebug('process-metadata-backfill');
const toDebug = (line: string): void => debug('%s', line); // a plain `debug(line)` would take the line as a format
const debugLogger: BackfillLogger = { info: toDebug, warn: toDebug, error: toDebug };

/** Writes the lines to `logger`, or to `debug` without one. An error of the logger is ignored. */
export function runLog(logger: BackfillLogger = debugLogger, tag: string = DEFAULT_LOG_TAG): RunLog {
  function write(level: keyof BackfillLogger, { runId }: LoggedRun, line: string): void {
    try {
      logger[level](oneLine(`${tag}[${runId}]: ${line}`));
    } catch (error) {
      debug('the logger threw: %O', error);
    }
  }
  return {
    started: (run) =>
      write('info', run, `Starting metadata backfill for process model: ${run.processModelId}`),
    progressed: (run, visited, total) =>
      write(
        'info',
        run,
        `Metadata backfill progress: ${visited}/${total} instances processed for model ${run.processModelId}`,
      ),
    completed: (run, { processed, updated, elapsedMs }) =>
      write(
        'info',
        run,
        `Completed metadata backfill for process model: ${run.processModelId}. Processed: ${processed}, Updated: ${updated}, Time: ${(elapsedMs / 1000).toFixed(2)}s`,
      ),
    instanceFailed: (run, instanceId, reason) =>
      write('error', run, `Error processing metadata backfill for instance ${instanceId}: ${reason}`),
    failed: (run, reason) =>
      write(
        'error',
        run,
        `Error processing metadata backfill for process model: ${run.processModelId}: ${reason}`,
      ),
    warned: (run, message) => write('warn', run, message),
  };
}

/** Identifiers and reasons come from data. Their line breaks and control characters must not forge a log line. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
