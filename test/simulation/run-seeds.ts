import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { SeedsResult, SeedsTask } from './seeds-process.js';

export const PROCESSES: number = Math.min(8, Math.max(2, availableParallelism()));

/** Runs seeds in a process of its own, which is ended when that takes too long: a defect may well loop for ever. */
export function runSeeds(task: SeedsTask, longestMs: number): Promise<SeedsResult> {
  const child = fork(fileURLToPath(new URL('seeds-process.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx', '--max-semi-space-size=32'],
  });
  return new Promise<SeedsResult>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no end after ${longestMs / 1000} seconds`)), longestMs);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      act();
    };
    child.on('message', ({ result, error }: { result?: SeedsResult; error?: string }) =>
      settle(() => (result === undefined ? reject(new Error(error)) : resolve(result))),
    );
    child.on('exit', (code) => settle(() => reject(new Error(`its process ended with ${code}`))));
    child.send(task);
  }).finally(() => child.kill());
}

/** Does the tasks, so many at a time. */
export async function inParallel<Task>(
  tasks: readonly Task[],
  work: (task: Task) => Promise<void>,
): Promise<void> {
  const waiting = [...tasks];
  const worker = async (): Promise<void> => {
    for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) await work(task);
  };
  await Promise.all(Array.from({ length: PROCESSES }, worker));
}
