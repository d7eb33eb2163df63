import { pgDatabase } from '../../../examples/demo-host/pg-sql.js';
import { type BackfillReport, createBackfillService, type JobPayload } from '../../../src/index.js';
import { linesLogger } from '../../support/lines.js';
import { createPostgresRepository } from '../../support/spiff-repository.js';
import { eventually } from './eventually.js';
import type { FaultHost } from './fault-host.js';
import { databaseWithPoints, type Point, portsWithPoints } from './faulty-points.js';

/** Where a worker falls asleep: the first time that it gets there with so many of its batches committed. */
export interface Nap {
  readonly at: Extract<Point, 'before-page' | 'before-batch' | 'after-batch' | 'inside-commit'>;
  readonly commits: number;
}

/** A job in this process. Its connections do not wait until their commits are written out. */
export interface SleepyWorker {
  /** Resolves when it is asleep, or has done its job before. */
  sleeps(): Promise<void>;
  /** It goes on, until the next nap. */
  wake(next?: Nap): void;
  /** Wakes up, and does the rest of its job. */
  goOn(): Promise<unknown>;
  /** Wakes up, and hands over to a continuation. */
  handOver(): Promise<unknown>;
  readonly report: Promise<BackfillReport>;
}

export interface WorkerJob {
  readonly payload: JobPayload;
  readonly batchSize: number;
  readonly nap?: Nap;
  enqueue(payload: JobPayload): void;
  tell(event: string): void;
}

export function startSleepyWorker(host: FaultHost, job: WorkerJob): SleepyWorker {
  const stopping = new AbortController();
  let nap = job.nap;
  let commits = 0;
  let isDone = false;
  let sleepsWith = Number.POSITIVE_INFINITY;
  let wakeUp = (): void => {};

  async function reach(point: Point): Promise<void> {
    if (point === 'after-batch') commits += 1;
    if (point === 'after-batch' || point === 'before-enqueue') job.tell(`${point} ${commits}`);
    if (point !== nap?.at || commits < startOf(nap)) return;
    sleepsWith = isReadAhead(nap) ? commits + 1 : commits;
    await new Promise<void>((resolve) => {
      wakeUp = resolve;
    });
  }

  function wake(next?: Nap): void {
    nap = next;
    sleepsWith = Number.POSITIVE_INFINITY;
    wakeUp();
  }

  const database = pgDatabase(host.connect({ settings: '-c synchronous_commit=off' }));
  const repository = createPostgresRepository(databaseWithPoints(database, reach));
  const enqueue = async ({ payload }: { readonly payload: JobPayload }) => job.enqueue(payload);
  const ports = portsWithPoints(repository, { enqueue }, reach);
  const service = createBackfillService({ ...ports, batchSize: job.batchSize, logger: linesLogger() });
  const report = service.handle(job.payload, { signal: stopping.signal }).finally(() => {
    isDone = true;
  });
  report.catch(() => {}); // whoever awaits it learns of it

  return {
    report,
    sleeps: () => eventually(async () => isDone || commits >= sleepsWith).then(() => {}),
    wake,
    goOn() {
      job.tell('wakes up');
      wake();
      return report;
    },
    handOver() {
      stopping.abort();
      wake();
      return report;
    },
  };
}

/** While the page is read ahead, the batch before it is committed. */
function isReadAhead({ at }: Nap): boolean {
  return at === 'before-page';
}

/** The first page is not read ahead. */
function startOf(nap: Nap): number {
  return isReadAhead(nap) ? Math.max(1, nap.commits - 1) : nap.commits;
}
