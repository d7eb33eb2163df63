import { isBackfillError } from '../../errors.js';
import { type PortCalls, portCalls } from '../access/port-calls.js';
import { reasonOf } from '../access/reason-of.js';
import { changeRun, loadRun } from '../access/run-store.js';
import { watchProgress } from '../record/progress.js';
import { type BackfillReport, reportOf } from '../record/report.js';
import { fail } from '../record/run-changes.js';
import type { Run } from '../record/run-record.js';
import type { Worker } from '../worker.js';
import type { ShardJob } from './claim-job.js';
import { concludeJob } from './conclude-job.js';
import { freezeRun, type JobCompany } from './freeze-run.js';
import { openSession } from './shard-session.js';
import { walkShard } from './walk-shard.js';

/** One job: takes a shard from its stored checkpoint as far as slice, signal and other jobs let it, then hands over. */
export async function performJob(
  worker: Worker,
  job: ShardJob,
  company: JobCompany | null = null,
): Promise<BackfillReport> {
  const watch = company?.watch ?? watchProgress(job.runId, worker);
  const ports = portCalls(worker, watch);
  const run = await loadRun(worker.repository, ports, job.runId);
  const session = openSession(worker, { job, ports, watch, run });
  // What the walk leaves behind is settled also after an abort.
  const settler = { ...worker, signal: new AbortController().signal };
  const settling = portCalls(settler, watch);
  try {
    if (session.ending === null) await freezeRun(worker, session, { settling, company });
    await walkShard(worker, session);
  } catch (error) {
    const { aborted, reason } = worker.signal;
    // A failure is one also in a shutdown: a queue that is down, say, leaves other shards without their jobs.
    const isShutdown = aborted && (error === reason || worker.queue === null);
    if (!isShutdown) throw await recordFatal(settler, settling, session.run, error);
    if (error !== reason) worker.log.failed(run.header, reasonOf(error));
    if (worker.queue === null) throw reason;
    session.end('turn-over');
  }
  const concluded = await concludeJob(settler, settling, session).catch(async (error: unknown) => {
    throw await recordFatal(settler, settling, session.run, error);
  });
  watch.see(concluded.run);
  return reportOf(concluded.run, concluded.state, { dryRun: worker.dryRun, now: worker.runtime.now() });
}

/** A fault that trying again does not mend ends the run, where that can still be written; a resume goes on with it. */
async function recordFatal(
  worker: Worker,
  ports: PortCalls,
  { header }: Run,
  error: unknown,
): Promise<unknown> {
  const { repository, runtime, log } = worker;
  log.failed(header, reasonOf(error));
  if (isBackfillError(error) && error.retryable) return error;
  try {
    await changeRun(repository, ports, header.runId, (run) => fail(run, reasonOf(error), runtime.now()));
  } catch (second) {
    log.warned(header, `The run could not be marked as failed: ${reasonOf(second)}`);
  }
  return error;
}
