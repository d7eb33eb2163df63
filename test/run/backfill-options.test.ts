import { describe, expect, test } from 'vitest';
import {
  type BackfillOptions,
  createBackfillService,
  isBackfillError,
  runBackfill,
} from '../../src/index.js';
import { createInProcessQueue, createMemoryRepository } from '../../src/memory/index.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';

/** A repository that must not be called. */
const untouched = (calls: string[] = []) =>
  intercept(createMemoryRepository({ instances: invoices(3) }), async ({ method, proceed }) => {
    calls.push(method);
    return proceed();
  });

async function refusal(options: object): Promise<Error> {
  const calls: string[] = [];
  const given = { repository: untouched(calls), processModelId: MODEL, paths: PATHS, ...options };
  const error: unknown = await runBackfill(given as BackfillOptions).catch((thrown: unknown) => thrown);
  expect(calls).toEqual([]);
  if (!isBackfillError(error)) throw new Error(`expected a refusal, got ${JSON.stringify(error)}`);
  return error;
}

describe('runBackfill refuses before any I/O', () => {
  test.each<[object, string]>([
    [{ batchSize: 0 }, 'batchSize: expected a whole number from 1 to 10,000, got 0'],
    [{ batchSize: 1.5 }, 'batchSize: expected a whole number from 1 to 10,000, got 1.5'],
    [{ batchSize: '10' }, 'batchSize: expected a whole number from 1 to 10,000, got "10"'],
    [{ batchSize: 10_001 }, 'batchSize: expected a whole number from 1 to 10,000, got 10001'],
    [{ batchSize: Number.NaN }, 'batchSize: expected a whole number from 1 to 10,000, got NaN'],
    [{ batchsize: 10 }, 'batchsize: unknown name; did you mean batchSize?'],
    [{ sizeOfBatch: 10 }, 'sizeOfBatch: unknown name; expected one of repository, queue, processModelId, '],
    [{ processModelId: ' ' }, 'processModelId: expected a text that is not blank, got " "'],
    [{ processModelId: undefined }, 'processModelId: expected a text that is not blank, got nothing'],
    [
      { processModelId: 'a\0b' },
      'processModelId: expected a text without NUL and without half of a surrogate pair',
    ],
    [
      { instanceIds: ['a\0b'] },
      'instanceIds: expected 1 to 10,000 ids, each a number within ±9007199254740991 or a string without NUL',
    ],
    [{ instanceIds: ['a\ud83d'] }, 'instanceIds: expected 1 to 10,000 ids'],
    [{ processModelId: 'a\ud83d' }, 'processModelId: expected a text without NUL and without half of'],
    [{ paths: [] }, 'paths: expected at least one { key, path }, got a list of 0'],
    [{ paths: 'a.b' }, 'paths: expected at least one { key, path }, got "a.b"'],
    [{ mode: 'replace' }, `mode: expected 'fill' or 'overwrite' or 'remove', got "replace"`],
    [{ missing: null }, `missing: expected 'null' or 'omit', got null`],
    [{ limit: 0 }, 'limit: expected a whole number of at least 1, got 0'],
    [
      { instanceIds: [] },
      'instanceIds: expected 1 to 10,000 ids, each a number within ±9007199254740991 or a string without NUL and without half of a surrogate pair, got a list of 0',
    ],
    [{ instanceIds: [1, null] }, 'instanceIds: expected 1 to 10,000 ids'],
    [{ maxFailures: -1 }, 'maxFailures: expected a whole number of at least 0, got -1'],
    [{ sliceMs: 0 }, 'sliceMs: expected a whole number of at least 1, got 0'],
    [{ retry: 3 }, 'retry: expected { attempts, initialDelayMs, maxDelayMs }, got 3'],
    [{ retry: { attempts: 0 } }, 'retry.attempts: expected a whole number from 1 to 100, got 0'],
    [
      { retry: { tries: 3 } },
      'retry.tries: unknown name; expected one of attempts, initialDelayMs, maxDelayMs',
    ],
    [{ retry: { attempt: 3 } }, 'retry.attempt: unknown name; did you mean attempts?'],
    [{ logger: { info: console.log } }, 'logger: expected a logger with info, warn, error, got an object'],
    [{ logTag: '' }, 'logTag: expected a text that is not blank, got ""'],
    [{ runtime: {} }, 'runtime: expected a Runtime with now, sleep, random, got an object'],
    [{ onProgress: true }, 'onProgress: expected a function, got true'],
    [{ signal: {} }, 'signal: expected an AbortSignal, got an object'],
    [
      { dryRun: true, differences: 'values' },
      'differences: leave it out of runBackfill, which lists none (verifyBackfill does), got "values"',
    ],
    [
      { dryRun: true, maxListedDifferences: 5 },
      'maxListedDifferences: leave it out of runBackfill, which lists none (verifyBackfill does), got 5',
    ],
    [{ dryRun: 'yes' }, 'dryRun: expected true or false, got "yes"'],
    [{ queue: {} }, 'queue: expected a BackfillQueue with enqueue, got an object'],
    [
      { repository: {} },
      'repository: expected a BackfillRepository with surveyInstances, readInstances, commit, ',
    ],
    [{ repository: null }, 'repository: expected a BackfillRepository'],
    [{ runId: 'x' }, 'paths: leave it out when runId is given, got a list of 1'],
    [{ runId: 'x', dryRun: true }, 'dryRun: leave it out when runId is given, got true'],
    [{ runId: '' }, 'runId: expected a text that is not blank, got ""'],
    [
      { repository: { ...untouched(), storesNull: false }, missing: 'null' },
      "missing: expected 'omit', got 'null': this repository says that it stores no null.",
    ],
  ])('%o', async (options, message) => {
    const error = await refusal(options);

    expect(error).toMatchObject({ name: 'InvalidInputError', code: 'INVALID_INPUT' });
    expect(error.message).toContain(message);
  });

  test('all wrong options in one error', async () => {
    const { message } = await refusal({ batchSize: 0, limit: 0, colour: 'red' });

    expect(message.split('\n')).toHaveLength(4);
  });

  test('all problems of the paths in one error', async () => {
    const error = await refusal({
      paths: [{ key: '', path: 'a' }, { key: 'b', path: ' ' }, { key: 'b', path: 'c' }, 5],
    });

    expect(error).toMatchObject({ name: 'InvalidExtractionPathsError', code: 'INVALID_PATHS' });
    expect((error as unknown as { problems: string[] }).problems).toHaveLength(4);
  });

  test.each<[what: string, dryRun: boolean]>([
    ['', false],
    [' of a dry run', true],
  ])('a key%s that is longer than the repository can store', async (_, dryRun) => {
    const paths = ['🧾'.repeat(255), 'k'.repeat(256)].map((key) => ({ key, path: 'invoice.number' }));
    const error = await refusal({ repository: { ...untouched(), maxKeyLength: 255 }, paths, dryRun });

    expect(error).toMatchObject({
      code: 'INVALID_PATHS',
      problems: [
        `[1]: key: expected at most 255 characters, which is what the repository can store, got 256 in "${'k'.repeat(256)}"`,
      ],
    });
  });

  test.each<[what: string, path: object, problem: string]>([
    ['a lone surrogate in a key', { key: 'a\ud83d', path: 'a' }, '[0]: key: expected whole characters'],
    ['NUL in a path', { key: 'a', path: ['b\0c'] }, '[0]: path: expected a text without NUL'],
    ['a lone surrogate in a path', { key: 'a', path: ['\ud83d'] }, '[0]: path: expected a text without NUL'],
    ['a path that cannot be meant', { key: 'a', path: '$.invoice.number' }, "write 'invoice.number'"],
  ])('%s', async (_, path, problem) => {
    const error = await refusal({ paths: [path] });

    expect(error).toMatchObject({ code: 'INVALID_PATHS', problems: [expect.stringContaining(problem)] });
  });

  test('options that are no object, or are inherited', async () => {
    await expect(runBackfill(null as unknown as BackfillOptions)).rejects.toThrow(
      'runBackfill options: expected an object such as { repository, queue, processModelId, … }, got null',
    );
    const inherited = Object.create({
      repository: untouched(),
      processModelId: MODEL,
      paths: PATHS,
    }) as BackfillOptions;
    await expect(runBackfill(inherited)).rejects.toThrow(
      'processModelId: expected a text that is not blank, got nothing',
    );
  });
});

test('a key of the greatest length that the repository can store is stored', async () => {
  const repository = { ...createMemoryRepository({ instances: invoices(1) }), maxKeyLength: 3 };
  const key = '🧾🧾🧾';

  await runBackfill({ repository, processModelId: MODEL, paths: [{ key, path: 'invoice.number' }] });

  expect(repository.metadata(1)).toEqual({ [key]: 'INV-1' });
});

describe('an option that is undefined', () => {
  test('is one that was left out', async () => {
    const repository = createMemoryRepository({ instances: invoices(3) });
    const none = {
      mode: undefined,
      limit: undefined,
      batchSize: undefined,
      signal: undefined,
      runId: undefined,
    };

    expect(await runBackfill({ repository, processModelId: MODEL, paths: PATHS, ...none })).toMatchObject({
      processed: 3,
    });
  });
});

describe('createBackfillService refuses', () => {
  const ports = { repository: createMemoryRepository(), queue: createInProcessQueue() };

  test.each<[object, string]>([
    [{ queue: undefined }, 'queue: expected a BackfillQueue with enqueue, got nothing'],
    [{ batchSize: 0 }, 'batchSize: expected a whole number from 1 to 10,000, got 0'],
    [{ config: {} }, 'config: expected what loadBackfillConfig returns, got an object'],
    [{ paths: PATHS }, 'paths: unknown name'],
  ])('%o', (options, message) => {
    expect(() => createBackfillService({ ...ports, ...options })).toThrow(message);
  });

  test.each<[object, string]>([
    [{}, 'processModelId: expected a text that is not blank, got nothing'],
    [
      { processModelId: MODEL, before: 'a', after: [] },
      'before: expected a list of { key, path }, null or undefined, got "a"',
    ],
    [
      { processModelId: MODEL, before: [], after: [], startAfter: '22:00' },
      'startAfter: expected a valid Date, got "22:00"',
    ],
    [{ processModelId: MODEL, before: [], after: [], limit: 1 }, 'limit: unknown name'],
    [{ processModelId: MODEL }, 'request:\n- expected paths, or before and after (each may be null)'],
    [{ processModelId: MODEL, after: PATHS }, 'request:\n- expected paths, or before and after'],
    [{ processModelId: MODEL, pathes: PATHS }, 'request:\n- pathes: unknown name; did you mean paths?'],
    [
      { processModelId: MODEL, keys: PATHS },
      'keys: unknown name; expected one of processModelId, startAfter',
    ],
    [{ processModelId: MODEL, keys: PATHS }, ', paths'],
    [
      { processModelId: MODEL, paths: PATHS, before: [] },
      'before: leave it out when paths is given, got a list of 0',
    ],
    [
      { processModelId: MODEL, before: [], after: [{ key: 'a' }] },
      '[0]: path: expected a string or an array of strings',
    ],
    [
      { processModelId: MODEL, before: [], after: [{ key: 'customer', path: 'customer.id' }] },
      '[0]: key: expected at most 4 characters',
    ],
    [
      {
        processModelId: MODEL,
        before: [{ key: 'customer', path: 'customer.id' }],
        after: [{ key: 'customer', path: 'customer.number' }],
        includeChanged: true,
      },
      '[0]: key: expected at most 4 characters',
    ],
    [
      { processModelId: MODEL, paths: [{ key: 'customer', path: 'customer.id' }] },
      '[0]: key: expected at most 4 characters',
    ],
    [{ processModelId: MODEL, before: [], after: [{ key: 'a', path: 'b[*]' }] }, "write 'b[0]'"],
  ])('the request %o', async (request, message) => {
    const service = createBackfillService({ ...ports, repository: { ...untouched(), maxKeyLength: 4 } });

    await expect(service.request(request as never)).rejects.toThrow(message);
  });
});
