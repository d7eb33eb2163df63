import {
  connectRabbitmq,
  createRabbitmqQueue,
  startRabbitmqWorker,
} from '../../../../examples/7-rabbitmq/rabbitmq-queue.js';
import {
  deleteQueues,
  deleteRabbitmqQueues,
  messagesIn,
  rememberQueues,
} from '../../../support/rabbitmq-queues.js';
import { AMQP_URL } from '../fault-host.js';
import type { Runner, RunnerPlace } from './runner.js';

export const LONGEST_DELAY_MS = 3000;

export async function openRabbitmq({
  name,
  amqpUrl,
  longestDelayMs = LONGEST_DELAY_MS,
}: RunnerPlace): Promise<Runner> {
  const declared = new Set<string>();
  const connection = rememberQueues(await connectRabbitmq(amqpUrl), declared);
  return {
    queue: createRabbitmqQueue(connection, name, { maxDelayMs: longestDelayMs }),
    work: async (service, sweeping) => startRabbitmqWorker(connection, name, service, sweeping),
    jobs: () => messagesIn(AMQP_URL, declared),
    close: () => connection.close(),
    async clear() {
      await deleteRabbitmqQueues(AMQP_URL, name);
      await deleteQueues(AMQP_URL, declared);
    },
  };
}
