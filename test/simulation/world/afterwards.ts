import { runBackfill } from '../../../src/index.js';
import { storedRuns } from './operators.js';
import { MODEL, requestFor } from './request-plans.js';
import type { Scene } from './scene.js';
import { type SimulatedProcess, startProcess } from './simulated-process.js';
import { takeTurns } from './turns.js';

/** When all is over: what the library says of each run, and whether it has left anything to do. */
export async function lookAfterwards(scene: Scene, step: () => void): Promise<void> {
  const process = startProcess(scene, 'afterwards', { batchSize: 100 });
  const { repository } = process.ports;
  const { sliceMs: _, ...tuning } = process.tuning;
  const [first] = scene.world.requests;
  const isOver = whenIdle(process, step);

  for (const { runId } of storedRuns(scene)) {
    process.invoke('status', { runId }, () => process.service.status(runId));
    await isOver();
  }
  const request = requestFor('by-hand', first?.mode ?? 'fill');
  const what = { processModelId: MODEL, paths: 'paths' in request ? request.paths : [], mode: first?.mode };
  // The first one still finds what was edited behind the runs; the second one finds nothing.
  for (const time of [1, 2]) {
    process.invoke('rerun', { time }, () => runBackfill({ ...tuning, ...what, repository }));
    await isOver();
  }
}

const MOST_STEPS = 2000;

function whenIdle(process: SimulatedProcess, step: () => void): () => Promise<void> {
  return () => {
    let steps = 0;
    return takeTurns(() => {
      steps += 1;
      if (process.isIdle || steps > MOST_STEPS) return false;
      step();
      return true;
    });
  };
}
