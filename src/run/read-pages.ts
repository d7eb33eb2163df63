import type { Cursor, InstanceRange, InstanceSnapshot } from '../ports/repository.js';
import { pageProblem } from './answer-problems.js';
import { compareCursors } from './compare-cursors.js';
import { portCalls } from './port-calls.js';
import type { ShardSession } from './shard-session.js';
import type { Worker } from './worker.js';

/** The pages of one shard, the next of which is read while the one before is being committed. */
export interface PageReader {
  /** The page after the checkpoint, of at most `limit` instances. */
  next(limit: number): Promise<readonly InstanceSnapshot[]>;
  /** Begins to read the page after this cursor. It is used only if the checkpoint has come to stand there. */
  readAhead(after: Cursor, limit: number): void;
  /** Drops what was read ahead, which may have grown old. */
  forget(): void;
  /** Ends what is being read, and waits for that. */
  close(): Promise<void>;
}

type Page = readonly InstanceSnapshot[];

export function createPageReader(worker: Worker, session: ShardSession): PageReader {
  const { repository } = worker;
  const compare = repository.compareCursors?.bind(repository) ?? compareCursors;
  const closing = new AbortController();
  const signal = AbortSignal.any([worker.signal, closing.signal]);
  const ports = portCalls({ ...worker, signal }, session.watch);
  let ahead: { readonly after: Cursor; readonly page: Promise<Page> } | null = null;
  let lastRead: Promise<unknown> = Promise.resolve();

  async function read(after: Cursor | null, limit: number): Promise<Page> {
    const range = { ...rangeOf(session), after, limit };
    if (after !== null && compare(after, range.upTo) >= 0) return [];
    const { paths } = session.run.header.definition;
    const page = await ports.call('repository.readInstances', () =>
      repository.readInstances({ ...range, paths, signal }),
    );
    const problem = pageProblem(page, range, compare);
    if (problem !== null) throw ports.contractError(`readInstances: ${problem}`);
    return page;
  }

  return {
    next(limit) {
      const { after } = session.shard;
      const found = ahead;
      ahead = null;
      if (found !== null && after !== null && compare(found.after, after) === 0) return found.page;
      return read(after, limit);
    },
    readAhead(after, limit) {
      const page = read(after, limit);
      page.catch(() => {}); // it counts only if the page is wanted
      lastRead = page;
      ahead = { after, page };
    },
    forget() {
      ahead = null;
    },
    async close() {
      closing.abort();
      await lastRead.catch(() => {});
    },
  };
}

/** What is left of a shard. */
export function rangeOf({ run, shard }: ShardSession): InstanceRange {
  const { processModelId, definition } = run.header;
  if (shard.upTo === null) throw new RangeError('a shard without a bound has nothing to walk');
  return { processModelId, instanceIds: definition.instanceIds, after: shard.after, upTo: shard.upTo };
}
