import { describe, expect, test } from 'vitest';
import {
  type BackfillJob,
  createBackfillService,
  type RunRecord,
  runBackfill,
  verifyBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';

const connectionLost = (): never => {
  throw Object.assign(new Error('connection lost'), { code: 'ECONNRESET' });
};
const inFormat = (content: object) => (records: readonly RunRecord[]) =>
  records.map((record) => ({ ...record, content: { ...(record.content as object), ...content } }));

/** What a load of a list may do. */
const TROUBLES: readonly (readonly [string, (records: readonly RunRecord[]) => unknown, string])[] = [
  ['cannot be reached', connectionLost, 'connection lost'],
  ['are damaged', inFormat({ failures: 0, differences: 0 }), 'has a damaged record'],
  ['are of a newer version', inFormat({ format: 99 }), 'format 99'],
  ['come in an answer that cannot be right', () => ({ rows: [] }), 'loadRun'],
];

/** Lists that cannot be read, of a model in which instance 1 fails, and instance 2 differs. */
function setUp(trouble: (records: readonly RunRecord[]) => unknown) {
  const broken = { tasks: [{ state: 'COMPLETED', endedAt: 1, json: '{"invoice":' }] };
  const sound = { invoice: { number: 'INV-2' } };
  const memory = createMemoryRepository({ instances: [instance(1, null, broken), instance(2, sound)] });
  const repository = intercept(memory, async ({ method, argument, proceed }) => {
    const answer = await proceed();
    const isOfList = method === 'loadRun' && /_[fd]\d+_\d+$/.test(String(argument));
    return isOfList ? trouble(answer as readonly RunRecord[]) : answer;
  });
  const jobs: BackfillJob[] = [];
  const logger = linesLogger();
  const tuning = { repository, logger, runtime: testRuntime() };
  const service = createBackfillService({
    ...tuning,
    queue: { enqueue: async (job) => void jobs.push(job) },
  });
  return { service, jobs, logger, tuning };
}

const what = { processModelId: MODEL, paths: PATHS };

describe.each(TROUBLES)('if the lists of a run %s', (_, trouble, reason) => {
  const warning = expect.stringMatching(new RegExp(`^The first failures could not be read: .*${reason}`));

  test('its last job succeeds and logs why, and its status says why', async () => {
    const { service, jobs, logger } = setUp(trouble);
    const { runId } = (await service.request(what)) as { runId: string };

    const report = await service.handle(jobs.shift()?.payload);
    const ended = { state: 'completed_with_failures', failed: 1, failures: [] };
    expect(report).toMatchObject(ended);
    expect(report.warnings).toContainEqual(warning);
    expect(logger.lines).toContainEqual(expect.stringContaining('The first failures could not be read: '));

    const lines = logger.lines.length;
    const status = await service.status(runId);
    expect(status).toMatchObject(ended);
    expect(status.warnings).toContainEqual(warning);
    expect(logger.lines).toHaveLength(lines); // somebody may ask every second
    await expect(service.failures(runId)).rejects.toThrow(reason);
  });

  test.each(['pause', 'resume', 'cancel'] as const)('%s does what it is for', async (control) => {
    const { service, jobs } = setUp(trouble);
    const { runId } = (await service.request({ ...what, maxFailures: 0 })) as { runId: string };
    await service.handle(jobs.shift()?.payload);
    expect((await service.status(runId)).state).toBe('failed');
    if (control === 'pause') await service.resume(runId);

    const status = await service[control](runId);

    expect(status.state).toBe({ pause: 'paused', resume: 'running', cancel: 'cancelled' }[control]);
    expect(status.warnings).toContainEqual(warning);
  });

  test('a run and a verification in a script return their reports', async () => {
    const { tuning } = setUp(trouble);

    const report = await runBackfill({ ...what, ...tuning });
    expect(report).toMatchObject({ state: 'completed_with_failures', updated: 1, failures: [] });
    expect(report.warnings).toContainEqual(warning);

    const found = await verifyBackfill({ ...what, ...tuning, missing: 'omit' });
    expect(found).toMatchObject({ state: 'completed_with_failures', samples: [] });
  });

  test('a verification that finds differences says why it shows none', async () => {
    const { tuning } = setUp(trouble);

    const found = await verifyBackfill({ ...what, ...tuning });

    expect(found).toMatchObject({ verdict: 'different', samples: [] });
    const differences = new RegExp(`^The first differences could not be read: .*${reason}`);
    expect(found.warnings).toContainEqual(expect.stringMatching(differences));
  });
});
