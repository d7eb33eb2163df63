import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { SeedsResult, SeedsTask } from './seeds-process.js';

export const PROCESSES: number = Math.min(8, Math.max(2, availableParallelism()));

/** Runs seeds in a process of their own. A process that takes too long is ended, because a defect may loop for ever. */
export interface SeedsRunner {
  run(task: SeedsTask, longestMs: number): Promise<SeedsResult>;
  close(): void;
}

export function openSeedsRunner(): SeedsRunner {
  let child: ChildProcess | null = null;
  function close(): void {
    child?.kill();
    child = null;
  }
  return {
    close,
    async run(task, longestMs) {
      child ??= startProcess();
      try {
        return await answerOf(child, task, longestMs);
      } catch (error) {
        close();
        throw error;
      }
    },
  };
}

/** Does all tasks in `PROCESSES` processes at the same time. */
export async function inProcesses<Task>(
  tasks: readonly Task[],
  work: (task: Task, runner: SeedsRunner) => Promise<void>,
): Promise<void> {
  const waiting = [...tasks];
  async function workOnTasks(): Promise<void> {
    const runner = openSeedsRunner();
    try {
      for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) await work(task, runner);
    } finally {
      runner.close();
    }
  }
  await Promise.all(Array.from({ length: PROCESSES }, workOnTasks));
}

function startProcess(): ChildProcess {
  return fork(fileURLToPath(new URL('seeds-process.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx', '--max-semi-space-size=32'],
  });
}

function answerOf(child: ChildProcess, task: SeedsTask, longestMs: number): Promise<SeedsResult> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(() => reject(new Error(`no end after ${longestMs} ms`))), longestMs);
    const onMessage = ({ result, error }: { result?: SeedsResult; error?: string }): void =>
      end(() => (result === undefined ? reject(new Error(error)) : resolve(result)));
    const onExit = (code: number | null): void =>
      end(() => reject(new Error(`its process ended with ${code}`)));
    function end(settle: () => void): void {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit);
      settle();
    }
    child.on('message', onMessage).on('exit', onExit);
    child.send(task);
  });
}
