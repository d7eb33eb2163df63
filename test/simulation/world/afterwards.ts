import { runBackfill, verifyBackfill } from '../../../src/index.js';
import { readList } from './read-list.js';
import { definitionFor, MODEL } from './request-plans.js';
import type { Scene } from './scene.js';
import { type SimulatedProcess, startProcess } from './simulated-process.js';
import { storedRuns } from './stored-runs.js';
import { takeTurns } from './turns.js';

/**
 * After the end: asks for the status and the failures of each run, for a list of all runs and for the columns. Then checks that
 * another run changes nothing, and verifies.
 */
export async function lookAfterwards(scene: Scene, playTurn: () => void): Promise<void> {
  const process = startProcess(scene, 'afterwards', { batchSize: 100 });
  const { repository } = process.ports;
  const { sliceMs: _, ...tuning } = process.tuning;
  const untilIdle = whenIdle(process, playTurn);
  const pages = { limit: scene.world.looks.pageLimit };

  for (const { runId, definition } of storedRuns(scene)) {
    process.invoke('status', { runId }, () => process.service.status(runId));
    await untilIdle();
    process.invoke('failures', { runId }, () => readList('failures', process.service, runId, pages));
    await untilIdle();
    if (!definition.dryRun) continue;
    process.invoke('differences', { runId }, () => readList('differences', process.service, runId, pages));
    await untilIdle();
  }
  process.invoke('list', {}, () => process.service.list());
  await untilIdle();
  await lookAtColumns();
  const { requests } = scene.world;
  const { mode = 'fill', clearsBy = 'default' } = requests[0] ?? {};
  const clears = requests.some(({ kind }) => kind === 'clearing');
  const what = definitionFor({ kind: clears ? 'clearing' : 'by-hand', mode, clearsBy });
  // The first rerun repairs what was edited after the runs had passed. The second one finds nothing to do.
  for (const time of [1, 2]) {
    process.invoke('rerun', { time }, () => runBackfill({ ...tuning, ...what, repository }));
    await untilIdle();
  }
  const { processModelId, paths, missing } = what;
  process.invoke('verify', {}, () =>
    verifyBackfill({ ...tuning, processModelId, paths, missing, repository }),
  );
  await untilIdle();
  await lookAtColumns();

  async function lookAtColumns(): Promise<void> {
    process.invoke('columns', {}, () => process.service.columns(MODEL));
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
