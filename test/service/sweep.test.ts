import { describe, expect, test } from 'vitest';
import { type BackfillJob, createBackfillService } from '../../src/index.js';
import { withFaults } from '../../src/testing/index.js';
import { isCompletion, STALE, setUp } from './support/one-service.js';

describe('sweep', () => {
  test('leaves runs alone that commit, or have only just been requested', async () => {
    const { service, request, jobs } = setUp();
    await request();

    expect(await service.sweep(STALE)).toEqual({ active: 1, enqueued: [], completed: [], failed: [] });
    expect(jobs).toHaveLength(1);
  });

  test('starts a run whose request met a queue that was down', async () => {
    const { service, request, queueIsDown, sleep, handle, jobs } = setUp();
    queueIsDown(true);
    await expect(request()).rejects.toMatchObject({ code: 'PORT_FAILED' });
    queueIsDown(false);
    await sleep(2);

    const report = await service.sweep(STALE);

    expect(report.enqueued).toEqual([jobs[0]?.payload]);
    expect(await handle(0)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('replaces a job that was lost, once a period, however many sweepers there are', async () => {
    const { service, request, sleep, jobs } = setUp();
    await request();
    await sleep(2);

    const reports = await Promise.all([service.sweep(STALE), service.sweep(STALE), service.sweep(STALE)]);
    const again = await service.sweep(STALE);

    expect(reports.flatMap(({ enqueued }) => enqueued)).toHaveLength(1);
    expect(again.enqueued).toEqual([]);
    expect(jobs.map(({ payload }) => payload.step)).toEqual([0, 1]);
    expect(new Set(jobs.map(({ key }) => key)).size).toBe(2);
  });

  test('whose commit landed without an answer enqueues what it allotted', async () => {
    const { memory, runtime, jobs, request, sleep } = setUp();
    const repository = withFaults(memory, [{ on: 'commit', nth: 1, fault: 'fail-after' }]);
    const queue = { enqueue: async (job: BackfillJob) => void jobs.push(job) };
    await request();
    await sleep(2);

    const sweeper = createBackfillService({ repository, queue, runtime });
    const { enqueued } = await sweeper.sweep(STALE);

    expect(enqueued).toMatchObject([{ shard: 0, step: 1 }]);
    expect(jobs.at(-1)?.payload.step).toBe(1);
  });

  test('waits twice as long after each sweep without effect, and never gives up while no worker takes a job', async () => {
    const { service, request, sleep, jobs } = setUp();
    await request();
    const sweptAt: number[] = [];
    for (let minute = 1; minute < 1000; minute += 1) {
      await sleep(1);
      const { enqueued, failed } = await service.sweep(STALE);
      if (enqueued.length > 0) sweptAt.push(minute);
      expect(failed).toEqual([]);
    }

    expect(sweptAt.slice(0, 8)).toEqual([2, 5, 10, 19, 36, 69, 134, 199]);
    expect(sweptAt.length).toBeGreaterThan(15);
    expect(await service.handle(jobs.at(-1)?.payload)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('gives up after eight swept jobs that have begun and committed no batch', async () => {
    const { service, request, sleep, jobs, at } = setUp();
    const runId = await request();
    let begun = 0;
    at.batch = async () => {
      throw Object.assign(new Error('killed'), { code: 'ECONNRESET' });
    };
    for (let minute = 1; minute < 1000; minute += 1) {
      await sleep(1);
      const { enqueued, failed } = await service.sweep(STALE);
      if (failed.length > 0) break;
      // Every third job is lost on its way.
      if (enqueued.length === 0 || jobs.length % 3 === 0) continue;
      begun += 1;
      await service.handle(jobs.at(-1)?.payload).catch(() => {});
    }
    at.batch = null;

    expect(begun).toBeGreaterThanOrEqual(8);
    expect(await service.status(runId)).toMatchObject({
      state: 'failed',
      lastError: expect.stringContaining('stalled'),
    });
    await service.resume(runId);
    expect(await service.handle(jobs.at(-1)?.payload)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('respects a start time', async () => {
    const { service, request, sleep, runtime, jobs } = setUp();
    await request({ startAfter: new Date(runtime.now() + 60 * 60_000) });

    await sleep(60);
    expect((await service.sweep(STALE)).enqueued).toEqual([]);
    await sleep(2);
    expect((await service.sweep(STALE)).enqueued).toHaveLength(1);
    expect(jobs).toHaveLength(2);
  });

  test('leaves paused and ended runs alone', async () => {
    const { service, request, sleep, handle } = setUp();
    await request();
    await handle(0);
    const paused = await request({ limit: 5 });
    await service.pause(paused);
    await sleep(60);

    expect(await service.sweep(STALE)).toEqual({ active: 1, enqueued: [], completed: [], failed: [] });
  });

  test('completes a run whose last worker died just before', async () => {
    const { service, request, sleep, handle, repository, memory } = setUp();
    const runId = await request();
    repository.commit = async (given) => {
      if (isCompletion(given)) throw Object.assign(new Error('killed'), { code: 'ECONNRESET' });
      return memory.commit(given);
    };
    await expect(handle(0)).rejects.toMatchObject({ code: 'PORT_FAILED', retryable: true });
    repository.commit = memory.commit;
    await sleep(2);

    expect((await service.sweep(STALE)).completed).toEqual([runId]);
    expect(await service.status(runId)).toMatchObject({ state: 'completed', processed: 30 });
  });

  test('looks after the other runs when one cannot be looked after, and says so', async () => {
    const { service, request, sleep, repository, memory, jobs } = setUp();
    const bad = await request();
    const good = await request({ limit: 3 });
    await sleep(2);
    repository.loadRun = async (runId) => {
      if (runId === bad) throw Object.assign(new Error('no'), { code: '42501' });
      return memory.loadRun(runId);
    };

    await expect(service.sweep(STALE)).rejects.toMatchObject({ runId: bad });
    expect(jobs.at(-1)?.payload).toMatchObject({ runId: good, step: 1 });
  });

  test('refuses a period that no batch could keep', async () => {
    await expect(setUp().service.sweep({ staleAfterMs: 10 })).rejects.toThrow(
      'staleAfterMs: expected a whole number of at least 1000, got 10',
    );
  });
});

describe('a run that is swept and still commits', () => {
  test('is never given up: each committed batch makes the sweeps patient anew', async () => {
    const { service, request, sleep, at, handle } = setUp(200);
    await request();
    at.batch = async () => {
      await sleep(2);
      await service.sweep(STALE);
    };
    for (let job = 0; job < 40; job += 1) await handle(job).catch(() => {});

    const [run] = await service.list();
    expect(run).toMatchObject({ state: 'completed' });
  });
});
