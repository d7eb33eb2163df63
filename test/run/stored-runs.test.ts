import { describe, expect, test } from 'vitest';
import { type RunRecord, runBackfill } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { invoices } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { backfill } from './support/backfill.js';

describe('a stored run', () => {
  test('that nobody knows is an error before any write', async () => {
    const calls: string[] = [];
    const repository = intercept(createMemoryRepository(), async ({ method, proceed }) => {
      calls.push(method);
      return proceed();
    });

    await expect(runBackfill({ repository, runId: 'unknown' })).rejects.toMatchObject({
      code: 'RUN_NOT_FOUND',
      runId: 'unknown',
    });
    expect(calls).toEqual(['loadRun']);
  });

  test('that is completed is reported, and nothing is done', async () => {
    const repository = createMemoryRepository({ instances: invoices(3) });
    const { runId } = await backfill(repository);
    repository.deleteMetadata(1, 'invoice_number');

    const report = await runBackfill({ repository, runId });

    expect(report).toMatchObject({ state: 'completed', processed: 3 });
    expect(repository.metadata(1)).toEqual({});
  });

  test.each<[string, (content: Record<string, unknown>, isHeader: boolean) => unknown]>([
    ['a content of null', () => null],
    ['a content that is a text', (content) => JSON.stringify(content)],
    ['an empty content', () => ({})],
    [
      'a header without a definition',
      ({ definition, ...rest }, isHeader) => (isHeader ? rest : { ...rest, definition }),
    ],
    ['a state that there is not', (content, isHeader) => (isHeader ? { ...content, state: 'odd' } : content)],
    [
      'a state of every object',
      (content, isHeader) => (isHeader ? { ...content, state: 'toString' } : content),
    ],
    [
      'paths that are none',
      (content, isHeader) => (isHeader ? { ...content, definition: { paths: [1] } } : content),
    ],
    ['a shard without its tally', ({ tally, ...rest }, isHeader) => (isHeader ? { ...rest, tally } : rest)],
    ['a shard with another index', (content, isHeader) => (isHeader ? content : { ...content, index: 3 })],
  ])('that is damaged is refused: %s', async (_, damage) => {
    const memory = createMemoryRepository({ instances: invoices(3) });
    const { runId } = await backfill(memory);
    const repository = intercept(memory, async ({ method, proceed }) => {
      const answer = await proceed();
      if (method !== 'loadRun') return answer;
      return (answer as RunRecord[]).map((record) => ({
        ...record,
        content: damage(record.content as Record<string, unknown>, record.id === record.runId),
      }));
    });

    await expect(runBackfill({ repository, runId })).rejects.toMatchObject({ code: 'RUN_FORMAT', runId });
  });

  test.each<[string, (record: RunRecord) => boolean]>([
    ['header', ({ id, runId }) => id !== runId],
    ['shard', ({ id, runId }) => id === runId],
  ])('that lacks its %s is refused', async (_, isLeft) => {
    const memory = createMemoryRepository({ instances: invoices(3) });
    const { runId } = await backfill(memory);
    const repository = intercept(memory, async ({ method, proceed }) => {
      const answer = await proceed();
      return method === 'loadRun' ? (answer as RunRecord[]).filter(isLeft) : answer;
    });

    await expect(runBackfill({ repository, runId })).rejects.toThrow(/damaged record .* it is missing/);
  });

  test('whose JSON the repository has not parsed is refused', async () => {
    const memory = createMemoryRepository({ instances: invoices(3) });
    const { runId } = await backfill(memory);
    const repository = intercept(memory, async ({ method, proceed }) => {
      const answer = await proceed();
      if (method !== 'loadRun') return answer;
      return (answer as RunRecord[]).map((record) => ({
        ...record,
        content: JSON.stringify(record.content),
      }));
    });

    await expect(runBackfill({ repository, runId })).rejects.toMatchObject({
      code: 'RUN_FORMAT',
      message: expect.stringContaining('The repository has to parse the JSON of content'),
    });
  });

  test('that another version wrote is refused', async () => {
    const memory = createMemoryRepository({ instances: invoices(3) });
    const { runId } = await backfill(memory);
    const repository = intercept(memory, async ({ method, proceed }) => {
      const answer = await proceed();
      if (method !== 'loadRun') return answer;
      return (answer as { content: object }[]).map((record) => ({
        ...record,
        content: { ...record.content, format: 2 },
      }));
    });

    await expect(runBackfill({ repository, runId })).rejects.toMatchObject({ code: 'RUN_FORMAT' });
  });
});
