import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { BackfillReport, JobPayload } from '../../../src/index.js';
import type { CompiledCheckout } from './compiled-checkout.js';
import { AMQP_URL, type FaultHost, REDIS_URL } from './fault-host.js';
import type { Point } from './faulty-points.js';
import type { RunnerName } from './runners/runner.js';

/** What happens to a worker when it reaches a point for the nth time. A worker that waits goes on when it is told to. */
export interface Fault {
  readonly at: Point;
  readonly nth: number;
  readonly suffer: 'SIGKILL' | 'SIGSTOP' | 'wait';
}

/** All that a worker process is told when it starts. */
export interface WorkerOrders {
  /** `null`: it gets its jobs from the process that started it, and enqueues none. */
  readonly runner: RunnerName | null;
  /** `null`: it does not look for jobs itself. */
  readonly sweeping: { readonly sweepEveryMs: number; readonly staleAfterMs: number } | null;
  readonly batchSize: number;
  readonly sliceMs: number | null;
  /** By which each statement takes longer. */
  readonly latencyMs: number;
  /** Of its connections, as PostgreSQL takes them: `-c name=value`. */
  readonly settings: string;
  readonly fault: Fault | null;
  /** How often it tells how much memory it needs once its garbage is collected; `null`: never. */
  readonly sampleEveryMs: number | null;
  /** Of the host's schema. */
  readonly name: string;
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly amqpUrl: string;
}

/** What it is told later. */
export interface WorkerOrder {
  readonly handle?: JobPayload;
  readonly goOn?: true;
}

export type WorkerMessage =
  | { readonly reached: Point | 'work' }
  | { readonly memory: MemorySample }
  | { readonly reports: BackfillReport['state'] }
  | { readonly failed: string };

/** In bytes. */
export interface MemorySample {
  readonly rss: number;
  readonly heapUsed: number;
}

export interface WorkerProcess {
  readonly child: ChildProcess;
  tell(order: WorkerOrder): void;
  /** Resolves when the worker has reached this point so many times from now on, or has ended. */
  reaches(point: Point | 'work', times?: number): Promise<void>;
  /** What `handle` reported, or how it failed. */
  answer(): Promise<WorkerMessage>;
  /** How it ended, with all that it printed. */
  readonly ended: Promise<{ readonly signal: NodeJS.Signals | null; readonly output: string }>;
}

export function startWorker(
  compiled: CompiledCheckout,
  { name, url }: Pick<FaultHost, 'name' | 'url'>,
  orders: Partial<WorkerOrders>,
): WorkerProcess {
  const all: WorkerOrders = {
    runner: null,
    sweeping: null,
    batchSize: 10,
    sliceMs: null,
    latencyMs: 0,
    settings: '',
    fault: null,
    sampleEveryMs: null,
    name,
    postgresUrl: url,
    redisUrl: REDIS_URL,
    amqpUrl: AMQP_URL,
    ...orders,
  };
  const child = fork(compiled.pathOf('test/faults/support/worker-main.ts'), {
    env: { ...process.env, WORKER_ORDERS: JSON.stringify(all) },
    execArgv: all.sampleEveryMs === null ? [] : ['--expose-gc'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += String(data)));
  const ended = once(child, 'close').then(([, signal]) => ({ signal, output }));
  const message = (isIt: (message: WorkerMessage) => boolean) =>
    new Promise<WorkerMessage>((resolve) => {
      child.on('message', (told: WorkerMessage) => isIt(told) && resolve(told));
    });
  return {
    child,
    ended,
    tell: (order) => void child.send(order),
    async reaches(point, times = 1) {
      let count = 0;
      const reached = message((told) => 'reached' in told && told.reached === point && ++count === times);
      await Promise.race([reached, ended]);
    },
    answer: () =>
      Promise.race([
        message((told) => 'reports' in told || 'failed' in told),
        ended.then((end): WorkerMessage => ({ failed: JSON.stringify(end) })),
      ]),
  };
}
