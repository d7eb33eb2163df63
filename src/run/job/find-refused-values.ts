import type { InstanceWrites, MetadataWrite } from '../../ports/repository.js';
import type { RunContext } from '../context/run-context.js';
import type { ShardSession } from './shard-session.js';
import { tryOut, type Verdict } from './try-out.js';

/**
 * Finds which values of one instance the database refuses, by halves. Each part is only tried out.
 * @returns the errors by key; empty if each value alone is accepted. Or why nobody can tell.
 */
export async function findRefusedValues(
  context: RunContext,
  session: ShardSession,
  writes: InstanceWrites,
  refusal: unknown,
): Promise<ReadonlyMap<string, unknown> | Unclear> {
  const refused = new Map<string, unknown>();

  /** `values` together are refused with `error`. */
  async function search(values: readonly MetadataWrite[], error: unknown): Promise<Unclear | null> {
    const [only, ...others] = values;
    if (only === undefined) return null;
    if (others.length === 0) {
      refused.set(only.key, error);
      return null;
    }
    const half = Math.ceil(values.length / 2);
    for (const part of [values.slice(0, half), values.slice(half)]) {
      const verdict = await tryOut(context, session, [{ ...writes, values: part }]);
      if (verdict.is === 'moved' || verdict.is === 'outdated') return verdict;
      const found = verdict.is === 'refused' ? await search(part, verdict.error) : null;
      if (found !== null) return found;
    }
    return null;
  }

  const found = await search(writes.values, refusal);
  if (found !== null) return found;
  // An outage may have ended meanwhile. So once a value is accepted, all the others are tried again.
  for (let passes = 0; passes < writes.values.length; passes += 1) {
    const known = refused.size;
    for (const value of writes.values.filter(({ key }) => refused.has(key))) {
      const verdict = await tryOut(context, session, [{ ...writes, values: [value] }]);
      if (verdict.is === 'moved' || verdict.is === 'outdated') return verdict;
      if (verdict.is === 'accepted') refused.delete(value.key);
    }
    if (refused.size === known) break;
  }
  return refused;
}

type Unclear = Extract<Verdict, { readonly is: 'moved' | 'outdated' }>;
