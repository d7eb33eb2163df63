import {
  connectRabbitmq,
  createRabbitmqQueue,
  startRabbitmqWorker,
} from '../../../../examples/7-rabbitmq/rabbitmq-queue.js';
import { deleteRabbitmqQueues } from '../../../support/rabbitmq-queues.js';
import { AMQP_URL } from '../fault-host.js';
import type { Runner, RunnerPlace } from './runner.js';

export const LONGEST_DELAY_MS = 3000;

export async function openRabbitmq({ name, amqpUrl }: RunnerPlace): Promise<Runner> {
  const connection = await connectRabbitmq(amqpUrl);
  return {
    queue: createRabbitmqQueue(connection, name, { maxDelayMs: LONGEST_DELAY_MS }),
    work: async (service, sweeping) => startRabbitmqWorker(connection, name, service, sweeping),
    close: () => connection.close(),
    clear: () => deleteRabbitmqQueues(AMQP_URL, name),
  };
}
