import type { InstanceId, InstanceWrites } from '../../ports/repository.js';
import type { RunContext } from '../context/run-context.js';
import { createPageReader } from './read-pages.js';
import type { ShardSession } from './shard-session.js';

/**
 * Writes a stored value over itself: one of the instance that last got a value in this shard, or else in another. If the
 * database accepts that, it would probably accept other values, too. A database that refuses only new rows goes unnoticed. To
 * be tried out only.
 * @param suspects instances that prove nothing: an earlier walk may have written other values to them.
 * @returns `null` if no such value is left.
 */
export async function rewriteLast(
  context: RunContext,
  session: ShardSession,
  suspects: ReadonlySet<InstanceId | undefined>,
): Promise<InstanceWrites | null> {
  const { header, shards } = session.run;
  const ids = new Set([session.shard, ...shards].map(({ lastWritten }) => lastWritten ?? undefined));
  const pages = createPageReader(context, session);
  try {
    for (const id of ids) {
      const [found] = id === undefined || suspects.has(id) ? [] : await pages.again([id], null, 1);
      for (const { key } of header.definition.paths) {
        const stored = found?.stored.get(key);
        if (found === undefined || stored === undefined || stored.value === null) continue;
        return { id: found.id, values: [{ key, value: stored.value, replaces: stored }] };
      }
    }
    return null;
  } finally {
    await pages.close();
  }
}
