import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import {
  type ConfirmChannel,
  type ConsumeMessage,
  connect,
  type Options,
  type RecoveringChannelModel,
} from 'amqplib';
import { type BackfillQueue, type BackfillService, isBackfillError } from 'process-metadata-backfill';

/** Between them, a job waits 1, 2, 4, … seconds. */
const MOST_ATTEMPTS = 10;
const TIMEOUT_MS = 5000;

type Connection = Pick<RecoveringChannelModel, 'createConfirmChannel'>;

/** A connection that is opened again when it is lost, after pauses that grow from 0.1 to 30 seconds. */
export async function connectRabbitmq(url: string): Promise<RecoveringChannelModel> {
  const connection = await connect(url, { timeout: TIMEOUT_MS, recovery: { waitForConnect: false } });
  return connection.on('connect-failed', report).on('error', report);
}

export function createRabbitmqQueue(
  connection: Connection,
  queueName: string,
  { timeoutMs = TIMEOUT_MS, maxDelayMs = 86_400_000 } = {},
): BackfillQueue {
  return {
    enqueue({ name, key, payload }, { startAfter } = {}) {
      const content = Buffer.from(JSON.stringify(payload));
      const delayMs = Math.min(maxDelayMs, (startAfter?.getTime() ?? 0) - Date.now());
      return inTime(timeoutMs, async (late) => {
        const channel = await connection.createConfirmChannel(); // waits for RabbitMQ while it is down
        channel.on('error', () => {}); // what is under way rejects as well
        try {
          late.throwIfAborted();
          const to = await declareQueue(channel, queueName, delayMs);
          await publish(channel, to, content, { messageId: key, type: name });
        } finally {
          void close(channel);
        }
      });
    },
  };
}

/** @returns a function that finishes the current batch and hands the rest over. Close the connection after it. */
export function startRabbitmqWorker(
  connection: Connection,
  queueName: string,
  service: Pick<BackfillService, 'handle' | 'sweep'>,
  { sweepEveryMs = 60_000, staleAfterMs = 300_000 } = {},
): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const stopped = once(signal, 'abort').then(() => null);

  async function work(): Promise<void> {
    while (!signal.aborted) {
      await takeJobs().catch(report);
      await wait(1000, undefined, { signal }).catch(() => {});
    }
  }

  /** One job at a time, until the worker stops or the channel is closed. */
  async function takeJobs(): Promise<void> {
    const channel = await Promise.race([connection.createConfirmChannel(), stopped]);
    if (channel === null) return;
    channel.on('error', report);
    const closed = once(channel, 'close').catch(() => {}); // rejects with the error
    let job = Promise.resolve();
    try {
      await declareQueue(channel, queueName);
      await channel.prefetch(1);
      await channel.consume(queueName, (message) => {
        // No message: somebody deleted the queue. A message that is not acknowledged goes back when the channel is closed.
        if (message === null || signal.aborted) return void close(channel);
        job = perform(channel, message).catch((error) => {
          report(error); // such as: the connection is lost
          void close(channel);
        });
      });
      await Promise.race([closed, stopped]);
    } finally {
      await job;
      await close(channel);
    }
  }

  async function perform(channel: ConfirmChannel, message: ConsumeMessage): Promise<void> {
    try {
      await service.handle(JSON.parse(message.content.toString()), { signal });
    } catch (error) {
      if (signal.aborted) return channel.nack(message); // another worker gets it at once
      await putAside(channel, queueName, message, error);
    }
    channel.ack(message);
  }

  const working = work();
  const sweeping = setInterval(() => service.sweep({ staleAfterMs }).catch(console.error), sweepEveryMs);
  return async () => {
    clearInterval(sweeping);
    stopping.abort();
    await working;
  };
}

/** The job comes back after a pause. If it cannot succeed, it stays in the queue of failed jobs. */
async function putAside(
  channel: ConfirmChannel,
  queueName: string,
  { content, properties: { messageId, type, headers } }: ConsumeMessage,
  error: unknown,
): Promise<void> {
  const attempts = 1 + Number(headers?.attempts ?? 0);
  const isHopeless = attempts >= MOST_ATTEMPTS || (isBackfillError(error) && !error.retryable);
  const reason = String(error).slice(0, 1000);
  if (isHopeless) console.error(`Job ${messageId} has failed: ${reason}`);
  await inTime(TIMEOUT_MS, async () => {
    const to = isHopeless
      ? await declareFailedQueue(channel, queueName)
      : await declareQueue(channel, queueName, 1000 * 2 ** (attempts - 1));
    await publish(channel, to, content, { messageId, type, headers: { attempts, reason } });
  });
}

/** @returns the name of the queue, or of the one from which RabbitMQ passes messages on to it after the delay. */
async function declareQueue(channel: ConfirmChannel, queueName: string, delayMs = 0): Promise<string> {
  await channel.assertQueue(queueName, { durable: true });
  if (delayMs <= 0) return queueName;
  const seconds = Math.ceil(delayMs / 1000);
  // RabbitMQ looks only at the first message of a queue. So each delay has a queue of its own: none waits behind a longer one.
  const { queue } = await channel.assertQueue(`${queueName}.delay.${seconds}s`, {
    durable: true,
    messageTtl: 1000 * seconds,
    deadLetterExchange: '',
    deadLetterRoutingKey: queueName,
    expires: 1000 * seconds + 600_000, // since it was last declared, whatever is in it
  });
  return queue;
}

async function declareFailedQueue(channel: ConfirmChannel, queueName: string): Promise<string> {
  const { queue } = await channel.assertQueue(`${queueName}.failed`, { durable: true, maxLength: 1000 });
  return queue;
}

/** Resolves once RabbitMQ has stored the message in the queue. */
async function publish(
  channel: ConfirmChannel,
  queue: string,
  content: Buffer,
  properties: Options.Publish,
): Promise<void> {
  let isReturned = false;
  const onReturn = () => {
    isReturned = true; // it is confirmed all the same, a moment later
  };
  channel.on('return', onReturn);
  await new Promise<void>((resolve, reject) => {
    const options = { ...properties, contentType: 'application/json', persistent: true, mandatory: true };
    channel.sendToQueue(queue, content, options, (error) => (error ? reject(error) : resolve()));
  }).finally(() => channel.off('return', onReturn));
  if (isReturned) throw new Error(`RabbitMQ has no queue ${queue}`);
}

/** Rejects after `timeoutMs`. A job that arrives later does no harm. */
function inTime(timeoutMs: number, action: (late: AbortSignal) => Promise<void>): Promise<void> {
  const late = AbortSignal.timeout(timeoutMs);
  const tooLate = once(late, 'abort').then(() => {
    throw new Error(`RabbitMQ has not confirmed the job within ${timeoutMs} ms`);
  });
  return Promise.race([action(late), tooLate]);
}

/** Also settles if the connection is lost, or RabbitMQ does not answer. */
async function close(channel: ConfirmChannel): Promise<void> {
  const closed = once(channel, 'close');
  await Promise.race([channel.close(), closed, wait(TIMEOUT_MS, undefined, { ref: false })]).catch(() => {});
}

function report(error: Error): void {
  console.error(`RabbitMQ: ${error.message}`);
}
