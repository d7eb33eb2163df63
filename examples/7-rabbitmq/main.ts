import { createBackfillService } from 'process-metadata-backfill';
import { command, logger, MODEL, openHost, play, startAfter, updateModel } from '../demo-host/demo-host.js';
import { connectRabbitmq, createRabbitmqQueue, startRabbitmqWorker } from './rabbitmq-queue.js';

const host = await openHost('demo_rabbitmq');
const queueName = `${host.name}.backfill_metadata`;
const connection = await connectRabbitmq(process.env.AMQP_URL || 'amqp://guest:guest@127.0.0.1:5672');
if (command === 'all' || command === 'clean') {
  const channel = await connection.createChannel();
  for (const queue of [queueName, `${queueName}.failed`]) await channel.deleteQueue(queue);
  await channel.close();
}

const service = createBackfillService({
  repository: host.repository,
  queue: createRabbitmqQueue(connection, queueName),
  batchSize: 10,
  sliceMs: 2000,
  logger,
});

await play(host, {
  service,
  async request() {
    const { before, after } = await host.database.transaction(updateModel);
    return service.request({ processModelId: MODEL, before, after, startAfter });
  },
  work: async () => startRabbitmqWorker(connection, queueName, service),
});

await connection.close();
await host.pool.end();
