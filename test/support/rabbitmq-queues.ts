import { connect } from 'amqplib';

/** Deletes what example 7 may have created for the queue: by default, all that short tests need. */
export async function deleteRabbitmqQueues(
  url: string,
  queueName: string,
  delaySeconds: readonly number[] = Array.from({ length: 20 }, (_, index) => index + 1),
): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const delays = delaySeconds.map((seconds) => `.delay.${seconds}s`);
  for (const suffix of ['', '.failed', ...delays]) await channel.deleteQueue(`${queueName}${suffix}`);
  await connection.close();
}
