import type { InstanceWrites, MetadataWrite } from '../../ports/repository.js';
import type { RunContext } from '../context/run-context.js';
import { createPageReader } from './read-pages.js';
import type { ShardSession } from './shard-session.js';

/**
 * A write of a value that is stored already, in the place of itself: of the instance that last got a value. If the database
 * accepts it now, it would accept others. To be tried out only.
 * @returns `null` if no instance got a value, or if that is gone.
 */
export async function rewriteLast(
  context: RunContext,
  session: ShardSession,
): Promise<InstanceWrites | null> {
  const { header, shards } = session.run;
  const id = [session.shard, ...shards].find(({ lastWritten }) => lastWritten !== null)?.lastWritten;
  if (id === undefined || id === null) return null;
  const pages = createPageReader(context, session);
  try {
    const [found] = await pages.again([id], null, 1);
    const rewrites = header.definition.paths.flatMap(({ key }): MetadataWrite[] => {
      const stored = found?.stored.get(key);
      return stored === undefined || stored.value === null
        ? []
        : [{ key, value: stored.value, replaces: stored }];
    });
    return rewrites.length === 0 ? null : { id, values: rewrites.slice(0, 1) };
  } finally {
    await pages.close();
  }
}
