import { openSlot, type ProcessSlot, repeat } from './process-slot.js';
import { readList } from './read-list.js';
import type { Scene } from './scene.js';
import { storedRuns } from './stored-runs.js';

/** The process that reads lists of failures and differences page by page, while the runs go on. */
export interface Readers {
  readonly slots: readonly ProcessSlot[];
}

export function startReaders(scene: Scene): Readers {
  const { world, choices, schedule } = scene;
  const { listEveryMs, pageEveryMs, pageLimit } = world.looks;
  if (listEveryMs === 0) return { slots: [] };
  const slot = openSlot(scene, 'reader');

  function read(): void {
    const { process } = slot;
    if (scene.isCalm || !process.isIdle) return;
    const runs = storedRuns(scene);
    const run = runs[choices.pick(runs.length)];
    if (run === undefined) return;
    const { runId, definition } = run;
    const name = definition.dryRun && choices.chance(700) ? 'differences' : 'failures';
    const betweenPages = (): Promise<void> =>
      new Promise((resolve) => {
        const dueAt = schedule.now + choices.pick(pageEveryMs);
        schedule.add({ owner: process.owner, dueAt, happen: resolve });
      });
    process.invoke(name, { runId }, () =>
      readList(name, process.service, runId, { limit: pageLimit, betweenPages }),
    );
  }

  repeat(scene, () => 1 + choices.pick(listEveryMs), read);
  return { slots: [slot] };
}
