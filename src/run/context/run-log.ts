import createDebug from 'debug';
import { ignoreErrors } from '../../input/ignore-errors.js';
import { oneLine } from '../../input/one-line.js';
import type { BackfillLogger, LogFields, StructuredLogger } from '../../ports/logger.js';
import type { DifferenceCounts } from '../record/difference-counts.js';
import type { Requester, RunHeader } from '../record/run-record.js';
import type { InstanceFailure } from '../record/tally.js';
import type { Verdict } from '../record/verdict.js';

/** The lines that operators search their logs for. */
export interface RunLog {
  started(run: LoggedRun & Requester): void;
  progressed(run: LoggedRun, visited: number, total: number): void;
  /** A walk has ended, and the next one begins. */
  walksAgain(run: LoggedRun & Pick<RunHeader, 'walk'>): void;
  completed(run: LoggedRun, counts: CompletedCounts): void;
  /** After `completed`, if the run was a verification. */
  verified(run: LoggedRun, found: Findings): void;
  /** After the first {@link MOST_FAILURES}, failures are only counted until `jobEnded`. */
  instanceFailed(run: LoggedRun, failure: InstanceFailure): void;
  jobEnded(run: LoggedRun): void;
  /** The whole run failed, or this job. */
  failed(run: LoggedRun, reason: string): void;
  /** Somebody paused, resumed or cancelled the run. */
  controlled(run: LoggedRun, what: 'Paused' | 'Resumed' | 'Cancelled', requester: Requester): void;
  keysTaken(run: LoggedRun & Pick<RunHeader, 'droppedKeys' | 'state'>): void;
  /** A request has left keys as they are whose path has changed. */
  keysLeft(run: LoggedRun, keys: readonly string[]): void;
  /** Something that an operator should look at. The run goes on, or can go on. */
  warned(run: LoggedRun, message: string): void;
}

export interface LoggedRun {
  readonly runId: string;
  readonly processModelId: string;
}

export interface CompletedCounts {
  readonly processed: number;
  readonly updated: number;
  readonly failed: number;
  readonly elapsedMs: number;
  readonly warnings: readonly string[];
  readonly dryRun: boolean;
}

interface Findings {
  readonly verdict: Verdict;
  /** By key. */
  readonly differences: Readonly<Record<string, DifferenceCounts>>;
}

const AFTER_FAILURES =
  "failures() of a service returns all failures, with reasons. Repair the data, then call retryFailed() of the service, or backfill the same keys again with runBackfill({ processModelId, paths }) in the same mode: 'fill' keeps the values that are stored";
const BEFORE_THE_RUN =
  'The report has the first failures, with reasons. If the run is stored, failures() of a service returns all of them. Repair the data before the real run';

const DEFAULT_LOG_TAG = 'celery_task_backfill_metadata';

/** Per call of the library. */
const MOST_FAILURES = 100;
/** Characters of an id or a key. */
const LONGEST_FIELD = 512;

const debug = createDebug('process-metadata-backfill');

/** Writes the lines to `logger`. An error of the logger is ignored. */
export function runLog(
  logger: BackfillLogger | StructuredLogger = defaultLogger,
  tag: string = DEFAULT_LOG_TAG,
): RunLog {
  let failures = 0;

  function write(
    level: 'info' | 'warn' | 'error',
    run: LoggedRun,
    event: string,
    text: string,
    more: object = {},
  ) {
    const line = oneLine(`${tag}[${run.runId}]: ${text}`, 2_000);
    const { runId, processModelId } = run;
    const fields: LogFields = { event, runId, processModelId: oneLine(processModelId, 200), ...more };
    ignoreErrors(
      () => (takesFields(logger) ? logger[level](fields, line) : logger[level](line)),
      (error) => debug('the logger failed: %O', error),
    );
  }
  const nameOf = ({ processModelId }: LoggedRun): string => oneLine(processModelId, 200);

  return {
    started: (run) =>
      write(
        'info',
        run,
        'started',
        `Starting metadata backfill for process model: ${nameOf(run)}`,
        requesterFields(run),
      ),
    progressed: (run, visited, total) =>
      write(
        'info',
        run,
        'progressed',
        `Metadata backfill progress: ${visited}/${total} instances processed for model ${nameOf(run)}`,
        { visited, total },
      ),
    walksAgain: (run) =>
      write(
        'info',
        run,
        'walks-again',
        `Walk ${run.walk} begins, because the walk before may have missed instances`,
        { walk: run.walk },
      ),
    completed(run, { processed, updated, failed, elapsedMs, warnings, dryRun }) {
      const counts = { processed, updated, failed, elapsedMs, dryRun };
      const time = `${(elapsedMs / 1000).toFixed(2)}s`;
      const text = `Completed metadata backfill for process model: ${nameOf(run)}. Processed: ${processed}, Updated: ${updated}, Time: ${time}`;
      write('info', run, 'completed', text, counts);
      if (dryRun) write('info', run, 'dry-run', 'This was a dry run: nothing was written');
      if (failed > 0)
        write(
          'warn',
          run,
          'completed-with-failures',
          `${failed} ${failed === 1 ? 'instance' : 'instances'} failed. ${dryRun ? BEFORE_THE_RUN : AFTER_FAILURES}`,
          counts,
        );
      for (const warning of warnings) write('warn', run, 'warning', warning);
    },
    verified(run, { verdict, differences }) {
      const text = `The verification ${FOUND[verdict]}${verdict === 'different' ? `: ${listed(differences)}. ${REPAIR}` : ''}`;
      write(verdict === 'equal' ? 'info' : 'warn', run, 'verified', text, { verdict });
    },
    instanceFailed(run, { instanceId, key, code, reason }) {
      failures += 1;
      if (failures > MOST_FAILURES) return;
      const where = key === null ? '' : ` (key ${JSON.stringify(oneLine(key, 100))})`;
      const text = `Error processing metadata backfill for instance ${oneLine(String(instanceId), 200)}: ${reason}${where}`;
      const id = typeof instanceId === 'string' ? instanceId.slice(0, LONGEST_FIELD) : instanceId;
      write('error', run, 'instance-failed', text, {
        instanceId: id,
        key: key?.slice(0, LONGEST_FIELD) ?? null,
        code,
      });
    },
    jobEnded(run) {
      const unlogged = failures - MOST_FAILURES;
      failures = 0;
      if (unlogged <= 0) return;
      const text = `${unlogged} more failures of this job were not logged. If the run is stored, failures() of a service returns all of them`;
      write('warn', run, 'failures-not-logged', text, { unlogged });
    },
    failed: (run, reason) =>
      write(
        'error',
        run,
        'failed',
        `Error processing metadata backfill for process model: ${nameOf(run)}: ${reason}`,
        { reason: oneLine(reason, 500) },
      ),
    controlled(run, what, requester) {
      const { requestedBy, reason } = requester;
      const by = requestedBy === null ? '' : ` by ${JSON.stringify(requestedBy)}`;
      const why = reason === null ? '' : `, reason: ${JSON.stringify(reason)}`;
      const text = `${what} metadata backfill for process model: ${nameOf(run)}${by}${why}`;
      write('info', run, what.toLowerCase(), text, requesterFields(requester));
    },
    keysTaken(run) {
      const taken = run.droppedKeys.map(
        ({ key, takenBy }) =>
          `${JSON.stringify(key)} by ${takenBy === null ? 'an update of the model' : `run ${takenBy}`}`,
      );
      const end = run.state === 'cancelled' ? '. No key is left: the run is cancelled' : '';
      write('warn', run, 'keys-taken', `Keys were taken over: ${taken.join(', ')}${end}`);
    },
    keysLeft(run, keys) {
      const names = keys.map((key) => JSON.stringify(key)).join(', ');
      const text = `Keys of process model ${nameOf(run)} read another path now, but keep their values: ${names}. A request with includeChanged: true computes them again`;
      write('info', run, 'keys-left', text);
    },
    warned: (run, message) => write('warn', run, 'warning', message),
  };
}

const FOUND: Readonly<Record<Verdict, string>> = {
  equal: 'found no difference',
  different: 'found differences',
  unknown:
    'found no difference, but could not look at every instance, or the model has no instances. Look at the failures and warnings, then verify again',
};
const REPAIR =
  "differences() of a service lists them. If the paths are right, repair the differences: run the same paths with mode: 'overwrite' and clear: true";

/** Keys in one line of the log. */
const MOST_KEYS = 10;

/** The counts of the keys that differ. */
function listed(differences: Findings['differences']): string {
  const counts = Object.entries(differences).flatMap(([key, { absent, different, orphaned }]) =>
    absent + different + orphaned === 0
      ? []
      : [
          `${JSON.stringify(oneLine(key, 100))} (${absent} absent, ${different} different, ${orphaned} orphaned)`,
        ],
  );
  const more = counts.length - MOST_KEYS;
  return counts.slice(0, MOST_KEYS).join(', ') + (more > 0 ? ` and ${more} more keys` : '');
}

/** Only what is known. People have typed it, so it is escaped. */
function requesterFields({ requestedBy, reason }: Requester): Partial<Record<keyof Requester, string>> {
  return {
    ...(requestedBy === null ? {} : { requestedBy: oneLine(requestedBy, 200) }),
    ...(reason === null ? {} : { reason: oneLine(reason, 200) }),
  };
}

/** pino takes an object before the line. Its loggers, and no other common ones, have `bindings`. */
function takesFields(logger: BackfillLogger | StructuredLogger): logger is StructuredLogger {
  return logger.takesFields ?? ('bindings' in logger && typeof logger.bindings === 'function');
}

/** Without a logger, warnings and errors must not pass unseen. */
const MOST_WARNINGS = 20;
let warnings = 0;

const defaultLogger: BackfillLogger = {
  info: (line) => debug('%s', line), // a plain `debug(line)` would take the line as a format
  warn: warnProcess,
  error: warnProcess,
};

export function warnProcess(line: string): void {
  debug('%s', line);
  warnings += 1;
  if (warnings > MOST_WARNINGS) return;
  const last = warnings === MOST_WARNINGS ? ' (further ones go to DEBUG=process-metadata-backfill only)' : '';
  process.emitWarning(`${line}${last}`, 'BackfillWarning');
}
