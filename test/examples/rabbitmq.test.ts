import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type Channel, type ChannelModel, connect, type RecoveringChannelModel } from 'amqplib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  connectRabbitmq,
  createRabbitmqQueue,
  startRabbitmqWorker,
} from '../../examples/7-rabbitmq/rabbitmq-queue.js';
import {
  type BackfillJob,
  createBackfillService,
  InvalidInputError,
  type JobPayload,
  type PortError,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/run/context/system-runtime.js';
import { eventually } from '../faults/support/eventually.js';
import { startTcpProxy } from '../faults/support/tcp-proxy.js';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { deleteRabbitmqQueues } from '../support/rabbitmq-queues.js';
import { describeWith } from '../support/servers.js';
import { serviceOf } from '../testing/fixtures/service-of.js';

const HOUR_MS = 3_600_000;
/** An answer may take long on a busy machine. */
const timeoutMs = 200_000;

describeWith(['RabbitMQ'], 'example 7, on RabbitMQ', ({ RabbitMQ: url }) => {
  let queueName: string;
  let connection: RecoveringChannelModel;
  let inspecting: ChannelModel;
  let channel: Channel;
  let stopping: (() => Promise<void>)[];
  beforeEach(async () => {
    queueName = `example_${randomBytes(6).toString('hex')}`;
    connection = await connectRabbitmq(url);
    inspecting = await connect(url);
    channel = await inspecting.createChannel();
    stopping = [];
  });
  afterEach(async () => {
    for (const stop of stopping) await stop();
    await connection.close();
    await inspecting.close();
    await deleteRabbitmqQueues(url, queueName, [1, 2, 4, 256, 3600]);
  });

  function work(
    handle: (payload: JobPayload, signal: AbortSignal) => Promise<unknown>,
    through: RecoveringChannelModel = connection,
  ): void {
    const service = serviceOf((payload, { signal }) => handle(payload as JobPayload, signal as AbortSignal));
    stopping.push(startRabbitmqWorker(through, queueName, service));
  }

  async function messageCount(suffix: string): Promise<number> {
    return (await channel.checkQueue(`${queueName}${suffix}`)).messageCount;
  }

  test('delivers a job after a short delay although one with a long delay was enqueued before', async () => {
    const queue = createRabbitmqQueue(connection, queueName, { timeoutMs });
    await queue.enqueue(job(1), { startAfter: new Date(Date.now() + HOUR_MS) });
    await queue.enqueue(job(2), { startAfter: new Date(Date.now() + 500) });
    const steps: number[] = [];
    work(async ({ step }) => steps.push(step));

    await eventually(async () => steps.length > 0);
    expect(steps).toEqual([2]);
    expect(await messageCount('.delay.3600s')).toBe(1);
  });

  test('delivers a job after its longest delay if the start is later: it is sent back once, and then left to the sweep', async () => {
    let clockAhead = 0;
    const runtime = { ...systemRuntime, now: () => Date.now() + clockAhead };
    const service = createBackfillService({
      repository: createMemoryRepository({ instances: invoices(30) }),
      queue: createRabbitmqQueue(connection, queueName, { timeoutMs, maxDelayMs: 1000 }),
      runtime,
    });
    const states: string[] = [];
    work(async (payload) => states.push((await service.handle(payload)).state));

    const startAfter = new Date(Date.now() + HOUR_MS);
    const requested = await service.request({ processModelId: MODEL, paths: PATHS, startAfter });
    if (requested.status !== 'triggered') throw new Error(requested.reason);
    const { runId } = requested;
    await eventually(async () => states.length === 2);
    expect(states).toEqual(['continued', 'continued']);
    expect(await service.status(runId)).toMatchObject({ state: 'pending', processed: 0 });
    expect(await messageCount('.delay.1s')).toBe(0);

    clockAhead = 2 * HOUR_MS;
    expect((await service.sweep({ staleAfterMs: 1000 })).enqueued).toHaveLength(1);
    await eventually(async () => (await service.status(runId)).state === 'completed');
  });

  test('puts a job that a retry cannot help into the queue of failed jobs, with the reason', async () => {
    const queue = createRabbitmqQueue(connection, queueName, { timeoutMs });
    const steps: number[] = [];
    work(async ({ step }) => {
      steps.push(step);
      if (step === 1) throw new InvalidInputError('this worker is configured wrongly');
    });
    await queue.enqueue(job(1));
    await queue.enqueue(job(2));

    await eventually(async () => steps.includes(2));
    expect(steps).toEqual([1, 2]);
    const failed = await channel.get(`${queueName}.failed`);
    if (failed === false) throw new Error('there is no failed job');
    expect(JSON.parse(failed.content.toString())).toEqual(job(1).payload);
    expect(failed.properties).toMatchObject({
      messageId: job(1).key,
      headers: { attempts: 1, reason: 'InvalidInputError: this worker is configured wrongly' },
    });
  });

  test.each([
    { failedBefore: 8, goesTo: '.delay.256s' },
    { failedBefore: 9, goesTo: '.failed' },
  ])(
    'pauses longer after each attempt, and gives up after ten: $failedBefore before',
    async ({ failedBefore, goesTo }) => {
      await channel.assertQueue(queueName, { durable: true });
      const content = Buffer.from(JSON.stringify(job(1).payload));
      channel.sendToQueue(queueName, content, { headers: { attempts: failedBefore } });
      let attempts = 0;
      work(async () => {
        attempts += 1;
        throw new Error('the database is down');
      });

      await eventually(async () => attempts === 1);
      await stopping.pop()?.();
      expect(await messageCount(goesTo)).toBe(1);
      expect(await messageCount('')).toBe(0);
    },
  );

  test('gives a job that was interrupted back at once, and does not count that as an attempt', async () => {
    await createRabbitmqQueue(connection, queueName, { timeoutMs }).enqueue(job(1));
    let isBegun = false;
    work(async (_, signal) => {
      isBegun = true;
      await once(signal, 'abort');
      throw signal.reason;
    });
    await eventually(async () => isBegun);
    await stopping.pop()?.();

    const message = await channel.get(queueName);
    expect(message).toMatchObject({ properties: { messageId: job(1).key, headers: {} } });
  });

  test('rejects a job that no queue took', async () => {
    const withoutQueues = {
      async createConfirmChannel() {
        const opened = await connection.createConfirmChannel();
        return Object.assign(opened, { assertQueue: async (queue: string) => ({ queue }) as never });
      },
    };
    const queue = createRabbitmqQueue(withoutQueues, queueName, { timeoutMs });

    await expect(queue.enqueue(job(1))).rejects.toThrow(`RabbitMQ has no queue ${queueName}`);
  });

  test('refuses a request while RabbitMQ is down, and workers that were cut off do its job later', async () => {
    const proxy = await startTcpProxy(url);
    const through = await connectRabbitmq(proxy.url);
    const repository = createMemoryRepository({ instances: invoices(30) });
    const serviceWith = (patienceMs: number) =>
      createBackfillService({
        repository,
        queue: createRabbitmqQueue(through, queueName, { timeoutMs: patienceMs }),
        retry: { attempts: 2, initialDelayMs: 1 },
      });
    const [impatient, service] = [serviceWith(300), serviceWith(timeoutMs)];
    const steps: number[] = [];
    const handle = async (payload: JobPayload) => {
      steps.push(payload.step);
      if (payload.runId !== 'other') await service.handle(payload);
    };
    work(handle, through);
    stopping.push(
      () => through.close(),
      () => proxy.close(),
    );
    await createRabbitmqQueue(through, queueName, { timeoutMs }).enqueue(job(99));
    await eventually(async () => steps.length === 1); // the worker is there
    const cut = new Promise((resolve) => through.once('disconnect', resolve));
    await proxy.goDown();
    await cut;

    const refused: PortError & { readonly runId: string } = await impatient
      .request({ processModelId: MODEL, paths: PATHS })
      .then(String, (error) => error);
    expect(refused).toMatchObject({ name: 'PortError', code: 'PORT_FAILED', retryable: true });
    expect(refused.message).toMatch(
      /^queue\.enqueue failed for run \w+: RabbitMQ has not confirmed the job within 300 ms/,
    );
    expect(await service.status(refused.runId)).toMatchObject({ state: 'pending' });

    await proxy.comeBack();
    const accepted = await service.request({ processModelId: MODEL, paths: PATHS });
    expect(accepted).toMatchObject({ status: 'triggered', runId: refused.runId, created: false });
    await eventually(async () => (await service.status(refused.runId)).state === 'completed');
  });
});

function job(step: number): BackfillJob {
  return { name: 'backfill_metadata', key: `other_0_${step}`, payload: { runId: 'other', shard: 0, step } };
}
