import {
  type BackfillService,
  type InstanceDifference,
  type InstanceFailure,
  runBackfill,
  verifyBackfill,
} from '../../../src/index.js';
import { storedRuns } from './operators.js';
import { definitionFor, MODEL } from './request-plans.js';
import type { Scene } from './scene.js';
import { type SimulatedProcess, startProcess } from './simulated-process.js';
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

  for (const { runId, definition } of storedRuns(scene)) {
    process.invoke('status', { runId }, () => process.service.status(runId));
    await untilIdle();
    process.invoke('failures', { runId }, () => allFailures(process.service, runId));
    await untilIdle();
    if (!definition.dryRun) continue;
    process.invoke('differences', { runId }, () => allDifferences(process.service, runId));
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

async function allFailures(
  service: Pick<BackfillService, 'failures'>,
  runId: string,
): Promise<readonly InstanceFailure[]> {
  const all: InstanceFailure[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const { failures, next } = await service.failures(runId, { after });
    all.push(...failures);
    after = next;
  }
  return all;
}

async function allDifferences(
  service: Pick<BackfillService, 'differences'>,
  runId: string,
): Promise<readonly InstanceDifference[]> {
  const all: InstanceDifference[] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const { differences, next } = await service.differences(runId, { after });
    all.push(...differences);
    after = next;
  }
  return all;
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
