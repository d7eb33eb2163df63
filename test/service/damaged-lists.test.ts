import { describe, expect, test } from 'vitest';
import { createBackfillService, type RunRecord } from '../../src/index.js';
import { MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { STALE, setUp } from './support/one-service.js';

describe('records that findRuns must not return', () => {
  const header = (runId: string, changes: object = {}): RunRecord => ({
    ...{
      id: runId,
      runId,
      processModelId: MODEL,
      revision: 'first',
      activeKey: `key of ${runId}`,
      content: null,
    },
    ...changes,
  });
  const page = Array.from({ length: 100 }, (_, index) => header(`run ${200 - index}`));

  test.each<[string, () => unknown]>([
    ['the same page for ever, whatever is asked for', () => page],
    ['ascending ids', () => page.slice(0, 3).toReversed()],
    ['a record twice', () => [page[0], page[0]]],
    ['more than were asked for', () => [...page, header('run 0')]],
    ['a shard', () => [header('run 1', { id: 'run 1_0' })]],
    ['a run that is not active', () => [header('run 1', { activeKey: null })]],
    ['no record', () => [undefined]],
    ['no id', () => [header('run 1', { id: 7 })]],
    ['nothing', () => undefined],
  ])('are refused: %s', async (_, answer) => {
    let calls = 0;
    const { memory } = setUp();
    const repository = intercept(memory, async ({ method, proceed }) => {
      if (method !== 'findRuns') return proceed();
      calls += 1;
      return answer();
    });
    const service = createBackfillService({ repository, queue: { enqueue: async () => {} } });

    await expect(service.sweep(STALE)).rejects.toMatchObject({ code: 'REPOSITORY_CONTRACT', runId: null });
    await expect(service.request({ processModelId: MODEL, paths: PATHS })).rejects.toMatchObject({
      code: 'REPOSITORY_CONTRACT',
    });
    expect(calls).toBeLessThan(5);
  });

  test('are refused: runs of another model', async () => {
    const { memory } = setUp();
    const repository = intercept(memory, async ({ method, proceed }) =>
      method === 'findRuns' ? [header('run 1', { processModelId: MODEL.toUpperCase() })] : proceed(),
    );
    const service = createBackfillService({ repository, queue: { enqueue: async () => {} } });

    await expect(service.list({ processModelId: MODEL })).rejects.toThrow(/none that was asked for/);
  });
});
