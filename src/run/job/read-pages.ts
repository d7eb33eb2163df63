import type { Cursor, InstanceRange, PageEntry, PageQuery } from '../../ports/repository.js';
import { pageProblem } from '../access/answer-problems.js';
import { cutPage } from '../access/page-entries.js';
import type { Worker } from '../worker.js';
import type { ShardSession } from './shard-session.js';

/** The pages of one shard, the next of which is read while the one before is being committed. */
export interface PageReader {
  /** The page after the checkpoint, of at most `limit` snapshots. */
  next(limit: number): Promise<Page>;
  /** Begins to read the page after this cursor. It is used only if the checkpoint has come to stand there. */
  readAhead(after: Cursor, limit: number): void;
  /** Drops what was read ahead, which may have grown old. */
  forget(): void;
  /** Ends what is being read, and waits for that. */
  close(): Promise<void>;
}

type Page = readonly PageEntry[];
type Query = Omit<PageQuery, 'signal'>;

export function createPageReader(worker: Worker, session: ShardSession): PageReader {
  const { repository, signal, compareCursors: compare } = worker;
  const closing = new AbortController();
  const aheadSignal = AbortSignal.any([signal, closing.signal]);
  let ahead: { readonly query: Query; readonly answer: Promise<{ readonly page: Page } | null> } | null =
    null;
  let lastRead: Promise<void> = Promise.resolve();

  function queryAfter(after: Cursor | null, limit: number): Query {
    return { ...rangeOf(session), after, limit, paths: session.run.header.definition.paths };
  }

  async function read(query: Query, readSignal: AbortSignal): Promise<Page> {
    if (query.after !== null && compare(query.after, query.upTo) >= 0) return [];
    return repository.readInstances({ ...query, signal: readSignal });
  }

  return {
    async next(limit) {
      const { after } = session.shard;
      const found = ahead;
      ahead = null;
      const isNext = found !== null && isSame(found.query.after, after);
      const query = isNext ? found.query : queryAfter(after, limit);
      if (!isNext) await lastRead; // two reads at a time are enough
      const answer = isNext ? await found.answer : null;
      const page =
        answer === null
          ? await session.ports.call('repository.readInstances', () => read(query, signal))
          : answer.page;
      const problem = pageProblem(page, query, compare);
      if (problem !== null) throw session.ports.contractError(`readInstances: ${problem}`);
      return cutPage(page, limit); // it may have been read ahead before the limit fell
    },
    readAhead(after, limit) {
      const query = queryAfter(after, limit);
      // One try: a page that cannot be read is read again when it is wanted, and then its fault counts.
      const answer = read(query, aheadSignal).then(
        (page) => ({ page }),
        () => null,
      );
      lastRead = Promise.all([lastRead, answer]).then(() => {}); // its result would hold every page
      ahead = { query, answer };
    },
    forget() {
      ahead = null;
    },
    async close() {
      closing.abort();
      await lastRead;
    },
  };

  function isSame(a: Cursor | null, b: Cursor | null): boolean {
    return a !== null && b !== null && compare(a, b) === 0;
  }
}

/** What is left of a shard. */
export function rangeOf({ run, shard }: ShardSession): InstanceRange {
  const { processModelId, definition } = run.header;
  if (shard.upTo === null) throw new RangeError('a shard without a bound has nothing to walk');
  return { processModelId, instanceIds: definition.instanceIds, after: shard.after, upTo: shard.upTo };
}
