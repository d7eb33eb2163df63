import { describe, expect, test } from 'vitest';
import { type BackfillRequest, createBackfillService } from '../../src/index.js';
import { MODEL, PATHS } from '../support/instances.js';
import { linesLogger } from '../support/lines.js';
import { setUp } from './support/one-service.js';

const ANNA = { requestedBy: 'anna', reason: 'new report' };
const NOBODY = { requestedBy: null, reason: null };

describe('who requests a run, and why', () => {
  test.each<[string, BackfillRequest]>([
    ['a request by hand', { processModelId: MODEL, paths: PATHS }],
    ['a model update', { processModelId: MODEL, before: [], after: PATHS }],
  ])('is shown by status and list: %s', async (_, what) => {
    const { service } = setUp();

    const { runId } = (await service.request({ ...what, ...ANNA })) as {
      runId: string;
    };

    expect(await service.status(runId)).toMatchObject({ ...ANNA, lastControl: null });
    expect(await service.list()).toMatchObject([{ runId, requestedBy: 'anna' }]);
  });

  test('is nobody if nobody is named', async () => {
    const { service, request } = setUp();

    expect(await service.status(await request())).toMatchObject(NOBODY);
  });

  test('stays as it is when an equal request joins', async () => {
    const { service, request } = setUp();
    const runId = await request(ANNA);

    expect(await request({ requestedBy: 'bert', reason: 'the same report' })).toBe(runId);

    expect(await service.status(runId)).toMatchObject(ANNA);
  });

  test('may be up to 200 characters of any kind that every database can store', async () => {
    const { service, request } = setUp();
    const odd = { requestedBy: `\n\u0007\u202e${'x'.repeat(197)}`, reason: '🧾'.repeat(100) };

    expect(await service.status(await request(odd))).toMatchObject(odd);
  });

  test.each<[string, unknown]>([
    ['a longer text', 'x'.repeat(201)],
    ['a blank one', ' '],
    ['NUL', 'a\u0000b'],
    ['half of a surrogate pair', 'a\ud83d'],
    ['a number', 7],
  ])('is refused before anything is stored: %s', async (_, text) => {
    const { service, request, memory } = setUp();
    const runId = await request();
    const before = await memory.loadRun(runId);
    const expected = /(requestedBy|reason): expected a text of 1 to 200 characters/;

    await expect(request({ requestedBy: text })).rejects.toThrow(expected);
    await expect(service.pause(runId, { reason: text as string })).rejects.toThrow(expected);

    expect(await memory.loadRun(runId)).toEqual(before);
  });
});

describe('who paused, resumed or cancelled a run, and why', () => {
  test('is shown for the last one, and leaves the requester alone', async () => {
    const { service, request, runtime } = setUp();
    const runId = await request(ANNA);
    const eve = { requestedBy: 'eve', reason: 'maintenance' };

    for (const action of ['pause', 'resume', 'cancel'] as const) {
      const at = runtime.now();
      const status = await service[action](runId, { ...eve, reason: action });
      expect(status).toMatchObject({ ...ANNA, lastControl: { action, ...eve, reason: action, at } });
    }
    expect((await service.list())[0]).toMatchObject({ requestedBy: 'anna', state: 'cancelled' });
  });

  test('is nobody if the last one named nobody', async () => {
    const { service, request } = setUp();
    const runId = await request();
    await service.pause(runId, { requestedBy: 'eve' });

    expect(await service.resume(runId)).toMatchObject({ lastControl: { action: 'resume', ...NOBODY } });
  });

  test('stays as it is when nothing is left to do', async () => {
    const { service, request } = setUp();
    const runId = await request();
    await service.pause(runId, { requestedBy: 'eve' });

    expect(await service.pause(runId, { requestedBy: 'bert' })).toMatchObject({
      lastControl: { action: 'pause', requestedBy: 'eve' },
    });
  });

  test('is in the log, escaped', async () => {
    const { repository, request } = setUp();
    const runId = await request();
    const logger = linesLogger();
    const service = createBackfillService({ repository, queue: { enqueue: async () => {} }, logger });

    await service.pause(runId, { requestedBy: 'eve\nroot', reason: 'a "b"' });
    await service.resume(runId);

    const tag = `info celery_task_backfill_metadata[${runId}]:`;
    expect(logger.lines).toEqual([
      `${tag} Paused metadata backfill for process model: ${MODEL} by "eve\\nroot", reason: "a \\"b\\""`,
      `${tag} Resumed metadata backfill for process model: ${MODEL}`,
    ]);
  });
});
