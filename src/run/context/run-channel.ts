import { type Channel, channel } from 'node:diagnostics_channel';
import type { RunChangeMessage } from '../record/run-change-message.js';

/**
 * The name of the channel of `node:diagnostics_channel` on which every change of a run's state is published, after its commit:
 * once if the process that made it lives on, and never twice. If the answer of the database is lost, the process publishes the
 * change when it sees it stored: each job and each sweep looks first, for an hour. A process that dies between commit and
 * message publishes nothing, and neither does a dry run of `runBackfill`, which is not stored, nor a request inside of a
 * transaction of the host, which may still be rolled back.
 * Whoever must not miss an end also polls `list`.
 *
 * Subscribers are called before the run goes on. Node.js reports an error of a subscriber as an `uncaughtException`.
 * @example
 * import { subscribe } from 'node:diagnostics_channel';
 * subscribe(RUN_CHANNEL, (message) => {
 *   const { runId, to } = message as RunChangeMessage;
 *   if (to === 'failed') page(`Backfill ${runId} has failed`);
 * });
 */
export const RUN_CHANNEL = 'process-metadata-backfill:run';

/** Kept, because Node.js gives up a channel that nobody refers to. */
const runs: Channel = channel(RUN_CHANNEL);

/** Without a subscriber, no message is made. */
export function publishRunChange(makeMessage: () => RunChangeMessage): void {
  if (runs.hasSubscribers) runs.publish(makeMessage());
}
