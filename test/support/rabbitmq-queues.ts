import { connect, type RecoveringChannelModel } from 'amqplib';

/** Deletes what example 7 may have created for the queue: by default, all that short tests need. */
export async function deleteRabbitmqQueues(
  url: string,
  queueName: string,
  delaySeconds: readonly number[] = Array.from({ length: 20 }, (_, index) => index + 1),
): Promise<void> {
  const delays = delaySeconds.map((seconds) => `.delay.${seconds}s`);
  await deleteQueues(
    url,
    ['', '.failed', ...delays].map((suffix) => `${queueName}${suffix}`),
  );
}

/** Those that are not there do not matter. */
export async function deleteQueues(url: string, names: Iterable<string>): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (const name of names) await channel.deleteQueue(name);
  await connection.close();
}

/** How many messages wait in the queues. One that is not there has none. */
export async function messagesIn(url: string, names: Iterable<string>): Promise<number> {
  const found = await findQueues(url, names);
  return [...found.values()].reduce((sum, count) => sum + count, 0);
}

/** The queues that exist, with their numbers of messages. */
export async function findQueues(url: string, names: Iterable<string>): Promise<ReadonlyMap<string, number>> {
  const connection = await connect(url);
  const found = new Map<string, number>();
  for (const name of names) {
    const channel = await connection.createChannel(); // RabbitMQ closes it if there is no such queue
    channel.on('error', () => {});
    await channel.checkQueue(name).then(
      ({ messageCount }) => found.set(name, messageCount),
      (error) => {
        if (error.code !== 404) throw error;
      },
    );
  }
  await connection.close();
  return found;
}

/** The part of a connection that example 7 uses, which adds each queue that is declared through it to `names`. */
export function rememberQueues(
  connection: RecoveringChannelModel,
  names: Set<string>,
): Pick<RecoveringChannelModel, 'createConfirmChannel' | 'close'> {
  return {
    close: () => connection.close(),
    async createConfirmChannel() {
      const channel = await connection.createConfirmChannel();
      const declare = channel.assertQueue.bind(channel);
      return Object.assign(channel, {
        assertQueue: ((name, options) => {
          if (name !== undefined) names.add(name);
          return declare(name, options);
        }) satisfies typeof declare,
      });
    },
  };
}
