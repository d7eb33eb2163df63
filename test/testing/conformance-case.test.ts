import {
  type ConformanceCase,
  type QueueFixture,
  queueConformance,
  type RepositoryFixture,
  repositoryConformance,
} from 'process-metadata-backfill/testing';
import { describe, expect, test, vi } from 'vitest';
import { inProcessFixture } from './fixtures/in-process-fixture.js';
import { memoryFixture } from './fixtures/memory-fixture.js';

const oneOf = (cases: readonly ConformanceCase[], beginning: string): ConformanceCase => {
  const found = cases.find(({ name }) => name.startsWith(beginning));
  if (found === undefined) throw new Error(`no case begins with ${beginning}`);
  return found;
};
const repositoryCase = (beginning: string, fixture: Partial<RepositoryFixture> = {}) =>
  oneOf(
    repositoryConformance(() => ({ ...memoryFixture(), ...fixture })),
    beginning,
  );

describe('a conformance case', () => {
  test('has a unique name, and no parameter that a runner could take for a callback', () => {
    const cases = [...repositoryConformance(memoryFixture), ...queueConformance(inProcessFixture)];

    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
    expect(cases.filter(({ run }) => run.length > 0)).toEqual([]);
    expect(new Set(cases.map(({ name }) => name.split(':')[0]))).toContain('commit');
  });

  test('reports what is not offered to the test runner, or to the console without one', async () => {
    const { run, name } = repositoryCase('transactions: a commit in a transaction');
    const reason = 'not offered: transactions (the repository does not say `transactional: true`)';
    const skip = vi.fn();
    await run({ skip });
    expect(skip.mock.calls).toEqual([[reason]]);

    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    try {
      await run();
      expect(warn.mock.calls).toEqual([[`${name}\n  ${reason}`]]);
    } finally {
      warn.mockRestore();
    }
  });

  test('fails for what is not offered if `skip` throws', async () => {
    const skip = (reason: string) => {
      throw new Error(`insisted on, but ${reason}`);
    };
    await expect(repositoryCase('formatValue').run({ skip })).rejects.toThrow(
      'insisted on, but not offered: formatValue',
    );
  });

  test('names the optional feature that it tests', () => {
    expect(repositoryCase('transactions: a commit in a transaction').capability).toBe('transactions');
    expect(repositoryCase('commit: inserts')).not.toHaveProperty('capability');
  });

  test('carries what was expected, for runners that show a difference', async () => {
    const failing = repositoryCase('commit: inserts', { metadata: async () => ({ city: 'Bergen' }) });

    await expect(failing.run()).rejects.toMatchObject({
      actual: { city: 'Bergen' },
      expected: { city: 'Oslo', town: 'Hamar' },
    });
  });

  test('has the error of a failed call as its cause', async () => {
    const cause = new Error('syntax error at or near "form"');
    const failing = repositoryCase('commit: inserts', { metadata: () => Promise.reject(cause) });

    await expect(failing.run()).rejects.toMatchObject({
      message: expect.stringMatching(
        /^commit: inserts .*\n {2}`metadata` of the fixture failed: syntax error .*\n {2}What this case checks: /,
      ),
      cause,
    });
  });

  test('refuses what creates no fixture, and says what to return', async () => {
    const wanted =
      '{ repository, insertInstances, deleteInstance, addTask, setMetadata, deleteMetadata, metadata }';
    expect(() => repositoryConformance({} as never)).toThrow(
      `repositoryConformance: expected a function that returns a RepositoryFixture: ${wanted}, got an object`,
    );
    expect(() => queueConformance(undefined as never)).toThrow(
      'queueConformance: expected a function that returns a QueueFixture: { queue, startWorker }, got nothing',
    );
    const [nothing] = repositoryConformance(() => undefined as never);
    await expect(nothing?.run()).rejects.toThrow(
      `repositoryConformance: create must return a RepositoryFixture: ${wanted}. It returned nothing without repository.surveyInstances, `,
    );
    const [repository] = repositoryConformance(() => memoryFixture().repository as never);
    await expect(repository?.run()).rejects.toThrow(
      'It returned an object without repository.surveyInstances, ',
    );
    const [queue] = queueConformance(() => inProcessFixture().queue as never);
    await expect(queue?.run()).rejects.toThrow('It returned an object without queue.enqueue, startWorker.');
  });

  test('fails when a port that says it is transactional has a fixture without transactions', async () => {
    const { repository } = memoryFixture();
    const failing = repositoryCase('transactions: a commit in a transaction', {
      repository: { ...repository, transactional: true },
    });

    await expect(failing.run()).rejects.toThrow('its fixture needs a `transaction`');
  });

  test('closes its fixture even when it fails, and fails when closing fails', async () => {
    const close = vi.fn(async () => {
      throw new Error('the pool is still in use');
    });

    await expect(repositoryCase('commit: inserts', { close }).run()).rejects.toThrow('still in use');
    const failing = repositoryCase('commit: inserts', { close, metadata: async () => ({}) });
    await expect(failing.run()).rejects.toThrow('expected');
    expect(close).toHaveBeenCalledTimes(2);
  });

  test('ends in time even if its worker never stops', async () => {
    const fixture: QueueFixture = { ...inProcessFixture(), patienceMs: 50 };
    const cases = queueConformance(() => ({
      ...fixture,
      startWorker: (handler) => {
        fixture.startWorker(handler);
        return () => new Promise(() => {});
      },
    }));

    await expect(oneOf(cases, 'enqueue: delivers the payload').run()).rejects.toThrow(
      'timed out after 50 ms, waiting until the worker has stopped',
    );
  });
});
