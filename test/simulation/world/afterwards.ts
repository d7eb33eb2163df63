import { runBackfill } from '../../../src/index.js';
import { storedRuns } from './operators.js';
import { definitionFor } from './request-plans.js';
import type { Scene } from './scene.js';
import { type SimulatedProcess, startProcess } from './simulated-process.js';
import { takeTurns } from './turns.js';

/** After the end: asks for the status of each run, then checks that another run changes nothing. */
export async function lookAfterwards(scene: Scene, playTurn: () => void): Promise<void> {
  const process = startProcess(scene, 'afterwards', { batchSize: 100 });
  const { repository } = process.ports;
  const { sliceMs: _, ...tuning } = process.tuning;
  const untilIdle = whenIdle(process, playTurn);

  for (const { runId } of storedRuns(scene)) {
    process.invoke('status', { runId }, () => process.service.status(runId));
    await untilIdle();
  }
  const { requests } = scene.world;
  const { mode = 'fill', clearsBy = 'default' } = requests[0] ?? {};
  const clears = requests.some(({ kind }) => kind === 'clearing');
  const what = definitionFor({ kind: clears ? 'clearing' : 'by-hand', mode, clearsBy });
  // The first rerun repairs what was edited after the runs had passed. The second one finds nothing to do.
  for (const time of [1, 2]) {
    process.invoke('rerun', { time }, () => runBackfill({ ...tuning, ...what, repository }));
    await untilIdle();
  }
}

const MOST_TURNS = 2000;

function whenIdle(process: SimulatedProcess, playTurn: () => void): () => Promise<void> {
  return () => {
    let turns = 0;
    return takeTurns(() => {
      turns += 1;
      if (process.isIdle || turns > MOST_TURNS) return false;
      playTurn();
      return true;
    });
  };
}
