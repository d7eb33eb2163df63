import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import {
  type BackfillRepository,
  isBackfillError,
  PortError,
  previewBackfill,
  RepositoryContractError,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { type PageFault, withFaults } from '../../src/testing/index.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { type Around, databaseError, intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const MISSPELLED = [...PATHS, { key: 'k', path: 'invoice.nubmer' }];

const memory = (around: Around, count = 400) =>
  intercept(createMemoryRepository({ instances: invoices(count) }), around);
const preview = (repository: BackfillRepository, rest: object = {}) =>
  previewBackfill({
    repository,
    processModelId: MODEL,
    paths: MISSPELLED,
    sampleSize: 30,
    runtime: testRuntime(),
    ...rest,
  });

describe('a preview', () => {
  test('only surveys and reads: it asks for no commit and no record', async () => {
    const asked = new Set<string>();
    const repository = memory(({ method, proceed }) => {
      asked.add(method);
      if (method === 'commit') throw new Error('nothing is to be written');
      return proceed();
    });
    for (const rest of [{}, { sampleSize: 1_000 }, { instanceIds: [1, 2] }]) await preview(repository, rest);
    expect([...asked].toSorted()).toEqual(['readInstances', 'surveyInstances']);
  });

  test('reads at most four instances at a time, and counts on meanwhile', async () => {
    let [reading, mostReading, countedMeanwhile] = [0, 0, 0];
    const repository = memory(async ({ method, proceed }) => {
      if (method !== 'readInstances') {
        if (reading > 0) countedMeanwhile += 1;
        return proceed();
      }
      reading += 1;
      mostReading = Math.max(mostReading, reading);
      for (let turn = 0; turn < 20; turn += 1) await setImmediate();
      reading -= 1;
      return proceed();
    });
    await preview(repository);
    expect(mostReading).toBe(4);
    expect(countedMeanwhile).toBeGreaterThan(0);
  });
});

describe('an error of the repository', () => {
  test.each(['surveyInstances', 'readInstances'] as const)(
    'that is transient is tried again, whichever call of %s it is',
    async (failing) => {
      const expected = await preview(memory(({ proceed }) => proceed()));
      for (let nth = 1; nth <= 35; nth += 1) {
        const runtime = testRuntime();
        const repository = memory(({ method, count, proceed }) => {
          if (method === failing && count === nth) throw databaseError('40001');
          return proceed();
        });
        const dice = { ...testRuntime(), sleep: runtime.sleep, random: seeded() };
        const { projected, ...result } = await preview(repository, { runtime: dice });
        expect(result.sampled).toBe(expected.sampled);
        expect(projected.fillRows).toEqual(expected.projected.fillRows);
        if (nth <= 29) expect(runtime.slept).toHaveLength(1);
      }
    },
  );

  test.each([
    ['that stays', '40001', true, 5],
    ['that a retry does not help against', '42501', false, 1],
  ])('%s ends it with a PortError', async (_, code, retryable, tries) => {
    for (const failing of ['surveyInstances', 'readInstances'] as const) {
      let calls = 0;
      const repository = memory(({ method, proceed }) => {
        if (method !== failing) return proceed();
        calls += 1;
        throw databaseError(code);
      });
      const error = await preview(repository, { sampleSize: 1_000 }).catch((error: unknown) => error);
      expect(error).toBeInstanceOf(PortError);
      expect(error).toMatchObject({
        retryable,
        runId: null,
        message: expect.stringContaining(`repository.${failing} failed`),
      });
      expect(calls).toBe(tries);
    }
  });

  test('in one of four reads ends the others, and no call comes after it', async () => {
    let hasFailed = false;
    let callsAfter = 0;
    const repository = memory(async ({ method, count, proceed }) => {
      if (hasFailed) callsAfter += 1;
      if (method !== 'readInstances' || count !== 10) return proceed();
      hasFailed = true;
      throw databaseError('42501');
    });
    await expect(preview(repository)).rejects.toThrow(PortError);
    expect(hasFailed).toBe(true);
    for (let turn = 0; turn < 50; turn += 1) await setImmediate();
    expect(callsAfter).toBeLessThanOrEqual(4);
  });

  test('keeps to the tries that are allowed', async () => {
    let calls = 0;
    const repository = memory(() => {
      calls += 1;
      throw databaseError('40001');
    });
    await expect(preview(repository, { retry: { attempts: 2 } })).rejects.toThrow(PortError);
    expect(calls).toBe(2);
  });

  test('that a page took too long makes later pages smaller', async () => {
    const limits: number[] = [];
    const repository = memory(({ method, argument, proceed }) => {
      const { limit } = argument as { readonly limit: number };
      if (method === 'readInstances' && limit > 1) limits.push(limit);
      if (method === 'readInstances' && limit > 3) throw databaseError('57014');
      return proceed();
    });
    const { sampled } = await preview(repository, { sampleSize: 1_000, paths: PATHS });
    expect(sampled).toBe(400);
    expect(limits.slice(0, 4)).toEqual([10, 3, 3, 3]);
    expect(Math.max(...limits.slice(1))).toBe(3);
  });
});

describe('an answer that cannot be right', () => {
  test.each<[fault: PageFault, sampleSize: number]>([
    ['repeating-page', 1_000],
    ['unordered-page', 1_000],
    ['backward-page', 1_000],
    ['backward-page', 30],
  ])('ends it with a RepositoryContractError: %s in a sample of %d', async (fault, sampleSize) => {
    const repository = withFaults(
      memory(({ proceed }) => proceed()),
      [{ on: 'readInstances', nth: 5, fault }],
    );
    await expect(preview(repository, { sampleSize })).rejects.toThrow(RepositoryContractError);
  });

  test('of a survey, too', async () => {
    const repository = memory(async ({ method, count, proceed }) => {
      const answer = (await proceed()) as { readonly total: number };
      return method === 'surveyInstances' && count > 1 ? { ...answer, total: answer.total + 1_000 } : answer;
    });
    const error = await preview(repository).catch((error: unknown) => error);
    expect(isBackfillError(error, 'REPOSITORY_CONTRACT')).toBe(true);
  });
});

describe('an abort', () => {
  test('before the call rejects with its reason, without any call', async () => {
    let calls = 0;
    const repository = memory(({ proceed }) => {
      calls += 1;
      return proceed();
    });
    const reason = new Error('the page was closed');
    await expect(preview(repository, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(calls).toBe(0);
  });

  test.each([
    ['surveyInstances', 1, 30],
    ['surveyInstances', 20, 30],
    ['readInstances', 3, 30],
    ['readInstances', 32, 30], // a page that is timed
    ['readInstances', 36, 30], // whole documents
    ['readInstances', 4, 1_000],
  ] as const)(
    'during %s no. %d of a sample of %d rejects with its reason, and few calls follow',
    async (during, nth, sampleSize) => {
      const controller = new AbortController();
      const reason = new Error('the page was closed');
      let callsAfter = 0;
      const repository = memory(async ({ method, count, proceed }) => {
        if (controller.signal.aborted) callsAfter += 1;
        if (method === during && count === nth) controller.abort(reason);
        return proceed();
      });
      await expect(preview(repository, { sampleSize, signal: controller.signal })).rejects.toBe(reason);
      expect(controller.signal.aborted).toBe(true);
      expect(callsAfter).toBeLessThanOrEqual(4);
    },
  );

  test('during the pause before a retry rejects with its reason', async () => {
    const controller = new AbortController();
    const reason = new Error('the page was closed');
    const repository = memory(({ method, count, proceed }) => {
      if (method === 'readInstances' && count === 5) {
        controller.abort(reason);
        throw databaseError('40001');
      }
      return proceed();
    });
    await expect(preview(repository, { signal: controller.signal })).rejects.toBe(reason);
  });

  test('reaches the repository', async () => {
    const controller = new AbortController();
    const reason = new Error('the page was closed');
    const repository = memory(({ method, count, argument, proceed }) => {
      if (method !== 'readInstances' || count !== 5) return proceed();
      const { signal } = argument as { readonly signal: AbortSignal };
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
        controller.abort(reason);
      });
    });
    await expect(preview(repository, { signal: controller.signal })).rejects.toBe(reason);
  });
});

function seeded(): () => number {
  const { random } = testRuntime();
  return random;
}
