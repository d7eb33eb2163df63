import type { JsonValue } from '../../../src/extraction/json-value.js';
import { type RunListFilter, runBackfill, verifyBackfill } from '../../../src/index.js';
import type { DefinitionOptions } from '../../../src/run/options/definition-options.js';
import { readList } from './read-list.js';
import { definitionFor, MODEL, OTHER_MODEL } from './request-plans.js';
import type { Scene } from './scene.js';
import { type SimulatedProcess, startProcess } from './simulated-process.js';
import { storedRuns } from './stored-runs.js';
import { takeTurns } from './turns.js';

/**
 * After the end: asks for the status and the failures of each run, for a list of all runs and for the columns. Then checks that
 * another run changes nothing, and verifies. At last, asks for columns and lists while two runs wait for their time.
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
  await lookAtList({});
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
  await requestForTomorrow(definitionFor({ kind: 'by-hand', mode, clearsBy }));
  await requestForTomorrow(definitionFor({ kind: 'verification', mode, clearsBy }));
  await lookAtColumns();
  await lookAtList({ processModelId: MODEL, active: true });
  await lookAtList({ processModelId: OTHER_MODEL });
  const ended = storedRuns(scene).filter(({ endedAt }) => endedAt !== null);
  await lookAtList(PAGE);
  for (let index = PAGE.limit - 1; index < ended.length; index += PAGE.limit)
    await lookAtList({ ...PAGE, before: ended[index]?.runId });

  async function lookAtList(filter: RunListFilter): Promise<void> {
    process.invoke('list', { ...filter } as JsonValue, () => process.service.list(filter));
    await untilIdle();
  }

  async function requestForTomorrow(what: DefinitionOptions): Promise<void> {
    const request = { ...what, startAfter: new Date(scene.schedule.now + A_DAY_MS) };
    const argument = JSON.parse(JSON.stringify({ scope: 'none', ...request })) as JsonValue;
    process.invoke('request', argument, () => process.service.request(request));
    await untilIdle();
  }

  async function lookAtColumns(): Promise<void> {
    process.invoke('columns', {}, () => process.service.columns(MODEL));
    await untilIdle();
  }
}

const MOST_TURNS = 2000;
const A_DAY_MS = 86_400_000;
/** Of a list of the runs that have ended. */
const PAGE = { active: false, limit: 2 };

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
