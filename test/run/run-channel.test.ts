import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, expect, test, vi } from 'vitest';
import {
  type BackfillRepository,
  createBackfillService,
  RUN_CHANNEL,
  type RunChangeMessage,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { instance, invoices, MODEL, PATHS } from '../support/instances.js';
import { type Around, databaseError, intercept } from '../support/intercept.js';
import { linesLogger } from '../support/lines.js';
import { testRuntime } from '../support/test-runtime.js';
import { backfill } from './support/backfill.js';

type Subscriber = Parameters<typeof subscribe>[1];
const subscribed: Subscriber[] = [];

afterEach(() => {
  for (const subscriber of subscribed.splice(0)) unsubscribe(RUN_CHANNEL, subscriber);
});

function listen(subscriber: Subscriber): void {
  subscribed.push(subscriber);
  subscribe(RUN_CHANNEL, subscriber);
}

function collect(): RunChangeMessage[] {
  const messages: RunChangeMessage[] = [];
  listen((message) => void messages.push(message as RunChangeMessage));
  return messages;
}

const steps = (messages: readonly RunChangeMessage[]): string[] =>
  messages.map(({ from, to }) => `${from} → ${to}`);

/** Whether the commit changes the state of a run to this one. */
function makes(state: string, { method, argument }: Parameters<Around>[0]): boolean {
  if (method !== 'commit') return false;
  const { instances, next } = argument as Parameters<BackfillRepository['commit']>[0];
  if (instances.length > 0) return false;
  return next({ gone: [], kept: [], moved: [] }).some(
    ({ id, runId, content }) => id === runId && Object(content).state === state,
  );
}

/** Loses the answer of the first commit that makes this state. `then` acts after it, before anybody looks. */
function losingAnswer(state: string, then: () => Promise<unknown> = async () => {}): Around {
  let isLost = false;
  return async (call) => {
    const isChange = !isLost && makes(state, call);
    const answer = await call.proceed();
    if (!isChange) return answer;
    isLost = true;
    await then();
    throw databaseError('ECONNRESET');
  };
}

/** A service with 5 instances, one of them without data, and a stored request. */
async function setUp(around: Around = ({ proceed }) => proceed()) {
  const memory = createMemoryRepository({ instances: [...invoices(4), instance(5, undefined)] });
  const runtime = testRuntime();
  const { lines, ...logger } = linesLogger();
  const repository = intercept(memory, around);
  const options = { queue: { enqueue: async () => {} }, runtime, logger };
  const service = createBackfillService({ ...options, repository });
  const operators = createBackfillService({ ...options, repository: memory });
  const asked = { requestedBy: 'ada', reason: 'new column' };
  const result = await service.request({ processModelId: MODEL, paths: PATHS, ...asked });
  const runId = 'runId' in result ? result.runId : '';
  const handle = (step = 0) => service.handle({ runId, shard: 0, step });
  return { memory, service, operators, runtime, runId, lines, handle };
}

test('every change of state is published with its counts, who requested the run, and a revision of its own', async () => {
  const messages = collect();
  const { runId, handle } = await setUp();

  await handle();

  const asked = { requestedBy: 'ada', reason: 'new column', lastError: null };
  const counts = { total: 5, failed: 0, gone: 0, verdict: null };
  const about = { runId, processModelId: MODEL, dryRun: false, ...asked, ...counts };
  const drawn = { revision: expect.any(String), at: expect.any(Number) };
  expect(messages).toEqual([
    { ...about, ...drawn, from: 'pending', to: 'running', processed: 0, updated: 0 },
    { ...about, ...drawn, from: 'running', to: 'completed', processed: 5, updated: 4 },
  ]);
  expect(messages[0]?.revision).not.toBe(messages[1]?.revision);
});

test('a message says whether the run is a dry run, and what that has found', async () => {
  const messages = collect();
  const { service } = await setUp();
  const result = await service.verify({ processModelId: MODEL, paths: PATHS });
  const runId = 'runId' in result ? result.runId : '';

  await service.handle({ runId, shard: 0, step: 0 });

  expect(messages.map(({ to, dryRun, updated, verdict }) => [to, dryRun, updated, verdict])).toEqual([
    ['running', true, 0, 'unknown'],
    ['completed', true, 4, 'different'],
  ]);
});

test('a pause, a resume and a cancellation name who did it and why, and a failure names its reason', async () => {
  const messages = collect();
  const { service, runId, handle, operators } = await setUp(async ({ method, proceed }) => {
    if (method === 'surveyInstances') throw databaseError('42501', 'permission denied');
    return proceed();
  });

  await service.pause(runId, { requestedBy: 'bob', reason: 'busy hour' });
  await service.resume(runId, { requestedBy: 'eve' });
  await expect(handle(1)).rejects.toThrow('permission denied');
  await operators.cancel(runId, { reason: 'not needed' });

  expect(messages.map(({ from, to, requestedBy, reason }) => [from, to, requestedBy, reason])).toEqual([
    ['pending', 'paused', 'bob', 'busy hour'],
    ['paused', 'pending', 'eve', null],
    ['pending', 'failed', 'ada', 'new column'],
    ['failed', 'cancelled', null, 'not needed'],
  ]);
  expect(messages[2]?.lastError).toContain('permission denied');
});

test.each(['running', 'completed'])(
  'a change to %s whose answer is lost is published once, and a completion is logged once',
  async (state) => {
    const messages = collect();
    const { handle, lines } = await setUp(losingAnswer(state));

    await handle();

    expect(steps(messages)).toEqual(['pending → running', 'running → completed']);
    expect(lines.filter((line) => line.includes('Completed'))).toHaveLength(1);
  },
);

test('a change that another process makes after an unknown commit is published by that process only', async () => {
  const messages = collect();
  let isCut = false;
  const { handle, operators, runId, lines } = await setUp(async (call) => {
    if (isCut || !makes('completed', call)) return call.proceed();
    isCut = true; // the commit never arrives, and another job completes the run
    await operators.handle({ runId: messages[0]?.runId ?? '', shard: 0, step: 1 });
    throw databaseError('ECONNRESET');
  });

  await handle();

  expect(steps(messages)).toEqual(['pending → running', 'running → completed']);
  expect(messages.at(-1)?.runId).toBe(runId);
  expect(lines.filter((line) => line.includes('Completed'))).toHaveLength(1);
});

test('a change is still published when others have changed the state since, before its process could look', async () => {
  const messages = collect();
  const interfere: { now?: () => Promise<unknown> } = {};
  const { handle, operators, runId } = await setUp(losingAnswer('running', async () => interfere.now?.()));
  interfere.now = async () => {
    await operators.pause(runId);
    await operators.resume(runId);
  };

  await handle();

  expect(steps(messages)).toEqual(['running → paused', 'paused → running', 'pending → running']);
});

test('a change of unknown outcome is published, although a slow load shows the run from before it', async () => {
  const messages = collect();
  const slow = { isNext: false, release: () => {}, status: Promise.resolve<unknown>(null) };
  let isLost = false;
  const loseCancellation = losingAnswer('cancelled', async () => {
    isLost = true;
  });
  const { service, runId } = await setUp(async (call) => {
    if (call.method !== 'loadRun') return loseCancellation(call);
    if (slow.isNext) {
      slow.isNext = false;
      const answer = await call.proceed();
      await new Promise<void>((resolve) => {
        slow.release = resolve;
      });
      return answer;
    }
    if (isLost) {
      isLost = false;
      slow.release();
      await slow.status;
    }
    return call.proceed();
  });

  slow.isNext = true;
  slow.status = service.status(runId);
  await vi.waitUntil(() => !slow.isNext);
  await service.pause(runId);
  await service.resume(runId);
  await service.cancel(runId);
  expect(await slow.status).toMatchObject({ state: 'pending' });

  expect(steps(messages)).toEqual(['pending → paused', 'paused → pending', 'pending → cancelled']);
});

test('a change of unknown outcome is published when a later call of the process finds it', async () => {
  const messages = collect();
  let isDown = false;
  const { handle, service, runId } = await setUp(async (call) => {
    if (isDown) throw databaseError('ECONNREFUSED');
    isDown = makes('completed', call);
    const answer = await call.proceed();
    if (isDown) throw databaseError('ECONNRESET');
    return answer;
  });
  await expect(handle()).rejects.toThrow('ECONNREFUSED');
  expect(steps(messages)).toEqual(['pending → running']);

  isDown = false;
  await service.status(runId);
  await service.status(runId);

  expect(steps(messages)).toEqual(['pending → running', 'running → completed']);
});

test.each<[string, (world: Awaited<ReturnType<typeof setUp>>) => Promise<unknown>]>([
  ['sweep', ({ service }) => service.sweep({ staleAfterMs: 60_000 })],
  [
    'job, even one of another run',
    async ({ service }) => {
      const result = await service.request({ processModelId: 'other', paths: PATHS });
      await service.handle({ runId: 'runId' in result ? result.runId : '', shard: 0, step: 0 });
    },
  ],
])('a change of unknown outcome is published by the next %s of the process', async (_, act) => {
  let isDown = false;
  let isOver = false;
  const world = await setUp(async (call) => {
    if (isDown) throw databaseError('ECONNREFUSED');
    isDown = !isOver && makes('completed', call);
    const answer = await call.proceed();
    if (isDown) throw databaseError('ECONNRESET');
    return answer;
  });
  await expect(world.handle()).rejects.toThrow('ECONNREFUSED');
  isDown = false;
  isOver = true;
  await world.operators.status(world.runId); // another process
  const messages = collect();

  await act(world);

  const own = messages.filter(({ runId }) => runId === world.runId);
  expect(steps(own)).toEqual(['running → completed']);
});

test.each([
  { why: 'has not landed for an hour', waitMs: 3_600_000, isDeleted: false },
  { why: 'belongs to a run that was deleted', waitMs: 0, isDeleted: true },
])('a change of unknown outcome that $why is not looked for any more', async ({ waitMs, isDeleted }) => {
  let isDown = false;
  let isGone = false;
  let loads = 0;
  const { service, runtime, runId } = await setUp(async (call) => {
    if (call.method === 'loadRun') loads += 1;
    if (isGone && call.method !== 'commit') return [];
    isDown ||= makes('paused', call);
    if (isDown) throw databaseError('ECONNREFUSED');
    return call.proceed();
  });
  await expect(service.pause(runId)).rejects.toThrow('ECONNREFUSED');
  await runtime.sleep(waitMs);
  isGone = isDeleted;
  const sweep = async () => {
    isDown = false;
    loads = 0;
    await service.sweep({ staleAfterMs: 86_400_000 });
    return loads;
  };

  const first = await sweep();
  expect(await sweep()).toBe(first - 1);
});

test('a model update that takes the last key of a run publishes its cancellation', async () => {
  const messages = collect();
  const { service, runId } = await setUp(losingAnswer('cancelled'));

  await service.request({ processModelId: MODEL, before: PATHS, after: [] });

  expect(messages.map((message) => [message.runId, message.from, message.to])).toEqual([
    [runId, 'pending', 'cancelled'],
  ]);
});

test('a stored dry run publishes its changes, and its completion is logged as that of a dry run', async () => {
  const messages = collect();
  const { service, lines } = await setUp();
  const result = await service.request({ processModelId: MODEL, paths: PATHS, dryRun: true });
  const runId = 'runId' in result ? result.runId : '';

  await service.handle({ runId, shard: 0, step: 0 });

  expect(messages.map((message) => message.runId)).toEqual([runId, runId]);
  expect(steps(messages)).toEqual(['pending → running', 'running → completed']);
  expect(lines.some((line) => line.includes('This was a dry run: nothing was written'))).toBe(true);
});

test('a dry run that is not stored publishes nothing', async () => {
  const messages = collect();

  await backfill(createMemoryRepository({ instances: invoices(2) }), { dryRun: true });

  expect(messages).toEqual([]);
});

test('an error of a subscriber reaches the process, and does not break the run', async () => {
  const errors: unknown[] = [];
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => errors.push(error));
  listen(() => {
    throw new Error('no room on the pager');
  });
  const messages = collect();
  try {
    const { handle } = await setUp();

    expect(await handle()).toMatchObject({ state: 'completed', processed: 5 });
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of others) process.on('uncaughtException', listener);
  }

  expect(steps(messages)).toEqual(['pending → running', 'running → completed']);
  expect(errors).toEqual([
    expect.objectContaining({ message: 'no room on the pager' }),
    expect.objectContaining({ message: 'no room on the pager' }),
  ]);
});
