import { describe, expect, test } from 'vitest';
import { type BackfillRepository, createBackfillService, runBackfill } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, MODEL } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';

const CITY = [{ key: 'k', path: 'city' }] as const;
const TOWN = [{ key: 'k', path: 'town' }] as const;

/** Ten instances with a city, of which the fourth has a town as well. The tenth still runs. All have "Oslo" under k. */
async function filled() {
  const memory = createMemoryRepository({
    instances: Array.from({ length: 10 }, (_, index) =>
      instance(
        index + 1,
        { city: 'Oslo', ...(index === 3 ? { town: 'Hamar' } : {}) },
        { running: index === 9 },
      ),
    ),
  });
  await backfill(memory, { paths: CITY });
  return memory;
}

let seed = 0;
const nextSeed = () => {
  seed += 1;
  return seed;
};
const backfill = (repository: BackfillRepository, rest: object) =>
  runBackfill({
    repository,
    processModelId: MODEL,
    runtime: testRuntime(nextSeed()),
    paths: TOWN,
    ...rest,
  } as never) as Promise<Awaited<ReturnType<typeof runBackfill<'k'>>>>;
const values = (memory: ReturnType<typeof createMemoryRepository>) =>
  Array.from({ length: 10 }, (_, index) => memory.metadata(index + 1)?.k);

describe('a new path that finds less than the old one', () => {
  test('leaves the old values, counts them as orphaned, and says so', async () => {
    const memory = await filled();
    const logger = linesLogger();

    const report = await backfill(memory, { mode: 'overwrite', logger });

    expect(values(memory)).toEqual(['Oslo', 'Oslo', 'Oslo', 'Hamar', ...Array(6).fill('Oslo')]);
    expect(report.keys.k).toMatchObject({ written: 1, replaced: 1, missing: 9, orphaned: 9, cleared: 0 });
    expect(report.warnings).toEqual([
      expect.stringMatching(/"town" of key "k" no longer finds a value in 9 instances .* clear: true/),
    ]);
    expect(logger.lines.filter((line) => line.startsWith('warn'))).toEqual([
      expect.stringContaining('no longer finds a value in 9 instances'),
    ]);
  });

  test('with clear, empties the column, but not of running instances', async () => {
    const memory = await filled();

    const report = await backfill(memory, { mode: 'overwrite', clear: true });

    expect(values(memory)).toEqual([null, null, null, 'Hamar', null, null, null, null, null, 'Oslo']);
    expect(report).toMatchObject({ state: 'completed', processed: 10, updated: 1 });
    expect(report.keys.k).toMatchObject({ written: 1, missing: 9, orphaned: 9, cleared: 8 });
    expect(await backfill(memory, { mode: 'overwrite', clear: true })).toMatchObject({
      updated: 0,
      keys: { k: { orphaned: 1, cleared: 0 } },
    });
  });

  test('with clear and no null rows, deletes the rows', async () => {
    const memory = await filled();

    await backfill(memory, { mode: 'overwrite', clear: true, missing: 'omit' });

    expect(memory.metadata(1)).toEqual({});
    expect(values(memory).slice(3)).toEqual(['Hamar', ...Array(5).fill(undefined), 'Oslo']);
  });

  test('a JSON null over a stored value is orphaned, too, and cleared', async () => {
    const memory = createMemoryRepository({ instances: [instance(1, { town: null })] });
    memory.setMetadata(1, 'k', 'Oslo');

    expect((await backfill(memory, { mode: 'overwrite' })).keys.k).toMatchObject({ null: 1, orphaned: 1 });
    expect(memory.metadata(1)).toEqual({ k: 'Oslo' });
    expect((await backfill(memory, { mode: 'overwrite', clear: true })).keys.k).toMatchObject({ cleared: 1 });
    expect(memory.metadata(1)).toEqual({ k: null });
  });

  test.each(['null', 'omit'] as const)(
    'clears only the very row that was read, missing: %s',
    async (missing) => {
      const memory = await filled();
      let isEdited = false;
      const repository = intercept(memory, async ({ method, argument, proceed }) => {
        const isBatch = method === 'commit' && (argument as { instances: unknown[] }).instances.length > 0;
        if (isBatch && !isEdited) {
          isEdited = true;
          memory.setMetadata(1, 'k', 'Bergen');
          memory.deleteMetadata(2, 'k');
        }
        return proceed();
      });

      const report = await backfill(repository, { mode: 'overwrite', clear: true, missing });

      expect(memory.metadata(1)).toEqual({ k: 'Bergen' });
      expect(memory.metadata(2)).toEqual({});
      expect(report.keys.k).toMatchObject({ kept: 2, missing: 7, orphaned: 7, cleared: 6 });
    },
  );

  test('a dry run counts what clear would do, and does not do it', async () => {
    const memory = await filled();

    const report = await backfill(memory, { mode: 'overwrite', clear: true, dryRun: true });

    expect(report.keys.k).toMatchObject({ orphaned: 9, cleared: 8 });
    expect(values(memory)[0]).toBe('Oslo');
  });

  test('a dry run of clear needs deletes as a real run does, and finds them', async () => {
    const memory = await filled();

    const options = { mode: 'overwrite', clear: true, missing: 'omit', dryRun: true };
    expect((await backfill(memory, options)).keys.k).toMatchObject({ cleared: 8 });
    expect(values(memory)[0]).toBe('Oslo');
  });

  test('a request that clears does not join one that does not', async () => {
    const queue = { enqueue: async () => {} };
    const service = createBackfillService({ repository: await filled(), queue });
    const request = { processModelId: MODEL, paths: TOWN, mode: 'overwrite' } as const;
    const plain = await service.request(request);
    const clearing = await service.request({ ...request, clear: true });

    expect(clearing).toMatchObject({ status: 'triggered', created: true });
    expect(await service.request(request)).toMatchObject({ ...plain, created: false });
  });

  test('fill neither clears nor counts orphans', async () => {
    const memory = await filled();

    expect((await backfill(memory, {})).keys.k).toMatchObject({ kept: 10, orphaned: 0 });
  });
});

describe('clear is refused', () => {
  test.each([
    ['with the mode fill', {}, { clear: true }, /clear: expected mode 'overwrite'/],
    [
      'where rows would have to be deleted, of a repository that does not say that it deletes',
      { deletes: false },
      { clear: true, mode: 'overwrite', missing: 'omit' },
      /clear: this repository does not declare deletes: true/,
    ],
    [
      'where no null can be stored, of such a repository',
      { deletes: false, storesNull: false },
      { clear: true, mode: 'overwrite' },
      /clear: this repository does not declare deletes: true/,
    ],
  ])('%s', async (_, members, options, message) => {
    const repository = { ...createMemoryRepository(), ...members };

    await expect(backfill(repository, options)).rejects.toThrow(message);
    const service = createBackfillService({ repository, queue: { enqueue: async () => {} } });
    await expect(
      service.request({ processModelId: MODEL, paths: TOWN, ...options } as never),
    ).rejects.toThrow(message);
  });
});
