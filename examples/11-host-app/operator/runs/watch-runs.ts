import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  isBackfillError,
  RUN_CHANNEL,
  type RunChangeMessage,
  type RunStatus,
} from 'process-metadata-backfill';
import type { RunAction } from '../ports.js';
import { isActive } from './run-words.js';

/** What a live page of a run shows. */
export interface LiveRun {
  readonly status: RunStatus;
  readonly actions: readonly RunAction[];
}

/** Watches runs for any number of browsers. */
export interface RunWatch {
  /**
   * How a run looks, from now on, until `signal` aborts or the watch is closed. It passes over what the reader is too slow for.
   * @throws {RunError} RUN_NOT_FOUND
   */
  follow(runId: string, signal: AbortSignal): AsyncGenerator<LiveRun>;
  close(): void;
}

const ACTIVE_MS = 1_000;
/** A run that has ended can still be resumed, perhaps by another process. */
const ENDED_MS = 15_000;

/**
 * All readers of one run share one loop that reads it, once per second. A change of state that this process makes is read
 * at once.
 */
export function createRunWatch(read: (runId: string) => Promise<LiveRun>): RunWatch {
  const loops = new Map<string, RunLoop>();
  const closing = new AbortController();
  const onChange = (message: unknown): void => {
    loops.get((message as RunChangeMessage).runId)?.wake();
  };
  subscribe(RUN_CHANNEL, onChange);

  return {
    async *follow(runId, signal) {
      const loop = loops.get(runId) ?? createLoop(() => read(runId));
      loops.set(runId, loop);
      loop.readers += 1;
      const end = AbortSignal.any([signal, closing.signal]);
      try {
        for (let seen = 0; !end.aborted; ) {
          const next = await loop.next(seen, end);
          if (next === null) return;
          seen = next.number;
          yield next.run;
        }
      } finally {
        loop.readers -= 1;
        if (loop.readers === 0) {
          loop.stop();
          if (loops.get(runId) === loop) loops.delete(runId);
        }
      }
    },
    close() {
      unsubscribe(RUN_CHANNEL, onChange);
      closing.abort();
    },
  };
}

interface RunLoop {
  readers: number;
  /** Resolves to a status newer than `seen`, or to null at the end. */
  next(seen: number, end: AbortSignal): Promise<{ readonly number: number; readonly run: LiveRun } | null>;
  wake(): void;
  stop(): void;
}

function createLoop(read: () => Promise<LiveRun>): RunLoop {
  let latest: { readonly number: number; readonly run: LiveRun } | null = null;
  let failure: unknown = null;
  let isStopped = false;
  let isStale = false;
  let isFailing = false;
  let wakeUp = (): void => {};
  const waiting = new Set<() => void>();

  async function run(): Promise<void> {
    while (!isStopped) {
      isStale = false;
      try {
        latest = { number: (latest?.number ?? 0) + 1, run: await read() };
        isFailing = false;
      } catch (error) {
        // A database that does not answer now may do so in a second.
        if (isBackfillError(error, 'RUN_NOT_FOUND')) {
          failure = error;
          isStopped = true;
        } else if (!isFailing) {
          isFailing = true;
          console.error(error);
        }
      }
      for (const tell of [...waiting]) tell();
      if (!isStale && !isStopped)
        await pause(latest && !isActive(latest.run.status.state) ? ENDED_MS : ACTIVE_MS);
    }
  }
  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
  void run();

  return {
    readers: 0,
    async next(seen, end) {
      while (!end.aborted) {
        if (failure !== null) throw failure;
        if (latest !== null && latest.number > seen) return latest;
        await new Promise<void>((resolve) => {
          const done = (): void => {
            waiting.delete(done);
            end.removeEventListener('abort', done);
            resolve();
          };
          waiting.add(done);
          end.addEventListener('abort', done);
        });
      }
      return null;
    },
    wake() {
      isStale = true; // a read that is under way may have come too early
      wakeUp();
    },
    stop() {
      isStopped = true;
      wakeUp();
    },
  };
}
