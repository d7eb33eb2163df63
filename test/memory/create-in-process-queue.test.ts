import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type BackfillJob, InvalidInputError } from '../../src/index.js';
import { createInProcessQueue } from '../../src/memory/index.js';
import { testRuntime } from '../support/test-runtime.js';

const job = (step: number): BackfillJob => ({
  name: 'backfill_metadata',
  key: `run_0_${step}`,
  payload: { runId: 'run', shard: 0, step },
});

describe('createInProcessQueue', () => {
  test('runs what was enqueued before and after work was called', async () => {
    const queue = createInProcessQueue();
    const done: number[] = [];
    await queue.enqueue(job(1));
    queue.work(async ({ step }) => void done.push(step));
    await queue.enqueue(job(2));
    await queue.idle();

    expect(done).toEqual([1, 2]);
  });

  test('runs at most `concurrency` jobs at a time', async () => {
    const queue = createInProcessQueue({ concurrency: 2 });
    let running = 0;
    let most = 0;
    queue.work(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running -= 1;
    });
    for (let step = 0; step < 6; step += 1) await queue.enqueue(job(step));
    await queue.idle();

    expect(most).toBe(2);
  });

  test('tries a failed job again, after a pause', async () => {
    const runtime = testRuntime();
    const queue = createInProcessQueue({ runtime });
    let tries = 0;
    queue.work(async () => {
      tries += 1;
      if (tries < 3) throw new Error('not yet');
    });
    await queue.enqueue(job(1));
    await queue.idle();

    expect(tries).toBe(3);
    expect(runtime.slept).toHaveLength(2);
  });

  test('waits for a start that is months away', async () => {
    const runtime = testRuntime();
    const queue = createInProcessQueue({ runtime });
    let startedAt = 0;
    queue.work(async () => {
      startedAt = runtime.now();
    });
    const startAfter = new Date(runtime.now() + 60 * 24 * 60 * 60 * 1000);
    await queue.enqueue(job(1), { startAfter });
    await queue.idle();

    expect(startedAt).toBe(startAfter.getTime());
  });

  test('gives a job that was interrupted to a worker that began before it had settled', async () => {
    const queue = createInProcessQueue();
    queue.work((_, { signal }) => {
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => setTimeout(reject, 5, signal.reason));
      });
    });
    await queue.enqueue(job(1));
    await new Promise((resolve) => setTimeout(resolve, 1));

    const stopped = queue.stop();
    const done: number[] = [];
    queue.work(async ({ step }) => void done.push(step));
    await stopped;
    await queue.idle();

    expect(done).toEqual([1]);
  });

  test('gives up when attempts are spent, or the error says that none will help, and warns', async () => {
    const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    onTestFinished(() => emitWarning.mockRestore());
    const queue = createInProcessQueue({ runtime: testRuntime(), retry: { attempts: 4 } });
    const tries = new Map<number, number>();
    queue.work(async ({ step }) => {
      tries.set(step, (tries.get(step) ?? 0) + 1);
      throw step === 1 ? new Error('always') : new InvalidInputError('never');
    });
    await queue.enqueue(job(1));
    await queue.enqueue(job(2));
    await queue.idle();

    expect([...tries]).toEqual([
      [1, 4],
      [2, 1],
    ]);
    expect(emitWarning.mock.calls).toEqual([
      [
        expect.stringContaining(`given up job ${job(2).key}: never. To handle failed jobs,`),
        'BackfillWarning',
      ],
      [
        expect.stringContaining(`given up job ${job(1).key}: always. To handle failed jobs,`),
        'BackfillWarning',
      ],
    ]);
  });

  test('does not start a job before its time', async () => {
    const runtime = testRuntime();
    const queue = createInProcessQueue({ runtime });
    const startAfter = new Date(runtime.now() + 60_000);
    let startedAt = 0;
    queue.work(async () => {
      startedAt = runtime.now();
    });
    await queue.enqueue(job(1), { startAfter });
    await queue.idle();

    expect(startedAt).toBe(startAfter.getTime());
  });

  test('keeps what it could not start when it is stopped', async () => {
    const queue = createInProcessQueue();
    const started: number[] = [];
    const handler = async ({ step }: { step: number }, { signal }: { signal: AbortSignal }) => {
      started.push(step);
      if (step === 1) await new Promise((resolve) => signal.addEventListener('abort', resolve));
    };
    queue.work(handler);
    await queue.enqueue(job(1));
    await queue.enqueue(job(2));
    await new Promise((resolve) => setImmediate(resolve));

    await queue.stop();
    expect(started).toEqual([1]);

    queue.work(handler);
    await queue.idle();
    expect(started).toEqual([1, 2]);
  });

  test('has one handler at a time', () => {
    const queue = createInProcessQueue();
    queue.work(async () => {});

    expect(() => queue.work(async () => {})).toThrow(/Call stop\(\) first/);
  });

  test('refuses wrong options, and a handler that is none', () => {
    const queue = createInProcessQueue();
    expect(() => queue.work(undefined as never)).toThrow(
      new InvalidInputError('work: expected a function, got nothing'),
    );
    expect(() => createInProcessQueue({ concurrency: 0 })).toThrow(
      'concurrency: expected a whole number from 1 to 1,000, got 0',
    );
  });
});
