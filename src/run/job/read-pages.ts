import type { Cursor, InstanceId, InstanceRange, InstanceSnapshot } from '../../ports/repository.js';
import { cutPage, snapshotsOf } from '../calls/page-entries.js';
import { linkedAbort } from '../context/linked-abort.js';
import type { RunContext } from '../context/run-context.js';
import { pagePaths, readPathsOf } from './page-paths.js';
import {
  askForPage,
  checkedPage,
  type Page,
  type PageAnswer,
  type PageRequest,
  readPage,
} from './read-page.js';
import type { ShardSession } from './shard-session.js';

/** The pages of one shard. The next page is read while the page before it is committed. */
export interface PageReader {
  /** The page after this cursor, of at most `limit` snapshots. */
  next(after: Cursor | null, limit: number): Promise<Page>;
  /** The first of these instances after this cursor. They were read before. Like an overwrite, it passes over none of them. */
  again(
    ids: readonly InstanceId[],
    after: Cursor | null,
    limit: number,
  ): Promise<readonly InstanceSnapshot[]>;
  /** Begins to read the page after this cursor. It is used only if that is the page that is wanted next. */
  readAhead(after: Cursor, limit: number): void;
  /** Drops what was read ahead, because it may have grown old. */
  forget(): void;
  /** Stops reading, and waits for that. */
  close(): Promise<void>;
}

export function createPageReader(context: RunContext, session: ShardSession): PageReader {
  const { compareCursors: compare } = context;
  const { calls } = session.handle;
  const reading = linkedAbort(context.signal);
  let ahead: { readonly query: PageRequest; readonly answer: Promise<PageAnswer | null> } | null = null;
  let mostAgain = Number.POSITIVE_INFINITY;
  let lastRead: Promise<void> = Promise.resolve();

  function queryAfter(after: Cursor | null, limit: number): PageRequest {
    return { ...rangeOf(session), after, limit, paths: pagePaths(readPathsOf(session.run.header)) };
  }

  const readNow = (query: PageRequest, limitPages = session.batchSizeLimit.lower): Promise<Page> =>
    readPage(context, calls, query, { signal: reading.signal, limitPages });

  return {
    async next(after, limit) {
      const found = ahead;
      ahead = null;
      const isNext = found !== null && isSame(found.query.after, after);
      if (!isNext) await lastRead; // two reads at a time are enough
      const answer = isNext ? await found.answer : null;
      const page =
        answer === null
          ? await readNow(isNext ? found.query : queryAfter(after, limit))
          : checkedPage(context, calls, answer);
      return cutPage(page, limit); // it may have been read ahead before the limit fell
    },
    async again(ids, after, limit) {
      const { header } = session.run;
      if (header.upTo === null) return [];
      const paths = pagePaths(readPathsOf(header)).map((path) => ({
        ...path,
        mode: 'overwrite' as const,
      }));
      const range = { ...rangeOf(session), instanceIds: ids, upTo: header.upTo };
      // Rereads must not limit the batches of the walk.
      const query = { ...range, after, limit: Math.min(limit, mostAgain), paths };
      const page = await readNow(query, (most) => {
        mostAgain = most;
      });
      return snapshotsOf(page);
    },
    readAhead(after, limit) {
      const query = queryAfter(after, limit);
      // One try: a page that cannot be read is read again when its turn comes, and then its fault counts.
      const answer = askForPage(context, query, reading.signal).then(
        (page) => ({ query, page }),
        () => null,
      );
      lastRead = Promise.all([lastRead, answer]).then(() => {}); // its result would hold every page
      ahead = { query, answer };
    },
    forget() {
      ahead = null;
    },
    async close() {
      reading.abort();
      reading.unlink();
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
