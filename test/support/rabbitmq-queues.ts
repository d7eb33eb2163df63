import { connect } from 'amqplib';

/** Deletes all that example 7 may have created for the queue, with delays up to `longestDelaySeconds`. */
export async function deleteRabbitmqQueues(
  url: string,
  queueName: string,
  longestDelaySeconds = 10,
): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const delays = Array.from({ length: longestDelaySeconds }, (_, index) => `.delay.${index + 1}s`);
  for (const suffix of ['', '.failed', ...delays]) await channel.deleteQueue(`${queueName}${suffix}`);
  await connection.close();
}
