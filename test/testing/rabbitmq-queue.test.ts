import { randomBytes } from 'node:crypto';
import type { RecoveringChannelModel } from 'amqplib';
import { queueConformance } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll } from 'vitest';
import {
  connectRabbitmq,
  createRabbitmqQueue,
  startRabbitmqWorker,
} from '../../examples/7-rabbitmq/rabbitmq-queue.js';
import { deleteRabbitmqQueues } from '../support/rabbitmq-queues.js';
import { describeWith } from '../support/servers.js';
import { conformanceOf } from './fixtures/conformance-of.js';
import { PATIENCE_MS } from './fixtures/in-process-fixture.js';
import { serviceOf } from './fixtures/service-of.js';

describeWith(['RabbitMQ'], 'the queue of example 7, on RabbitMQ', ({ RabbitMQ: url }) => {
  const queueName = `conformance_${randomBytes(6).toString('hex')}`;
  let working: RecoveringChannelModel;
  beforeAll(async () => {
    working = await connectRabbitmq(url);
  });
  afterAll(async () => {
    await working?.close();
    await deleteRabbitmqQueues(url, queueName);
  });

  const cases = queueConformance(async () => {
    const enqueuing = await connectRabbitmq(url);
    return {
      patienceMs: PATIENCE_MS,
      longestDelayMs: 86_400_000, // the default of maxDelayMs
      // Not 5 s, which a busy machine may take to answer.
      queue: createRabbitmqQueue(enqueuing, queueName, { timeoutMs: PATIENCE_MS }),
      startWorker: (handler) => startRabbitmqWorker(working, queueName, serviceOf(handler)),
      disconnect: () => enqueuing.close(),
      close: () => enqueuing.close(),
    };
  });
  conformanceOf(cases, ['heartbeat', 'killWorker', 'long delays', 'transactions']);
});
