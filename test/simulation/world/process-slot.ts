import type { TuningOptions } from '../../../src/run/options/tuning-options.js';
import type { Scene } from './scene.js';
import { type SimulatedProcess, startProcess } from './simulated-process.js';

/** A place for one process. When it has crashed, another one is started in its place. */
export interface ProcessSlot {
  readonly process: SimulatedProcess;
}

const RESTART_MS = 100;

export function openSlot(
  scene: Scene,
  name: string,
  options: { readonly batchSize?: TuningOptions['batchSize']; onCrash?(): void; onRestart?(): void } = {},
): ProcessSlot {
  const { schedule, outside } = scene;
  const { batchSize, onCrash, onRestart } = options;

  const start = (): SimulatedProcess =>
    startProcess(scene, name, {
      ...(batchSize === undefined ? {} : { batchSize }),
      onCrash() {
        onCrash?.();
        schedule.add({ owner: outside, dueAt: schedule.now + RESTART_MS, happen: restart });
      },
    });
  function restart(): void {
    process = start();
    onRestart?.();
  }

  let process = start();
  return {
    get process() {
      return process;
    },
  };
}

/** Calls `act` again and again until the world has ended. */
export function repeat(scene: Scene, nextMs: () => number, act: () => void): void {
  const { schedule, outside } = scene;
  const again = (): void => {
    schedule.add({
      owner: outside,
      dueAt: schedule.now + nextMs(),
      happen() {
        if (scene.isOver) return;
        act();
        again();
      },
    });
  };
  again();
}
