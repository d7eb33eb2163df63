import type { PageEntry, PageQuery } from '../../ports/repository.js';
import { pageProblem } from '../calls/check-answers.js';
import { isTimeOut } from '../calls/is-time-out.js';
import type { PortCalls } from '../calls/port-calls.js';
import type { RunContext } from '../context/run-context.js';

export type Page = readonly PageEntry[];
export type PageRequest = Omit<PageQuery, 'signal'>;

/** A page as the repository returned it, and what was asked for. */
export interface PageAnswer {
  readonly query: PageRequest;
  readonly page: Page;
}

type Asking = Pick<RunContext, 'repository' | 'compareCursors'>;

/**
 * Reads a page, and tries again after transient faults. A page that takes too long is read in parts. That is no failed try: the
 * try comes to an end.
 * @param options.limitPages gets the limit of such a part.
 * @throws {RepositoryContractError} when the page cannot be right.
 */
export async function readPage(
  context: Asking,
  calls: PortCalls,
  wanted: PageRequest,
  options: { readonly signal: AbortSignal; limitPages(limit: number): void },
): Promise<Page> {
  const { signal, limitPages } = options;
  const answer = await calls.call('repository.readInstances', async () => {
    for (let query = wanted; ; ) {
      try {
        return { query, page: await askForPage(context, query, signal) };
      } catch (error) {
        if (query.limit === 1 || !isTimeOut(error)) throw error;
        query = { ...query, limit: Math.ceil(query.limit / 4) };
        limitPages(query.limit);
      }
    }
  });
  return checkedPage(context, calls, answer);
}

/** One try, without a look at the answer. */
export async function askForPage(
  { repository, compareCursors }: Asking,
  query: PageRequest,
  signal: AbortSignal,
): Promise<Page> {
  if (query.after !== null && compareCursors(query.after, query.upTo) >= 0) return [];
  const paths = query.paths.map((path) => ({ ...path, segments: [...path.segments] })); // the repository may change its own
  return repository.readInstances({ ...query, paths, signal });
}

/** @throws {RepositoryContractError} when the page cannot be right. */
export function checkedPage({ compareCursors }: Asking, calls: PortCalls, { query, page }: PageAnswer): Page {
  const problem = pageProblem(page, query, compareCursors);
  if (problem !== null) throw calls.contractError(`readInstances: ${problem}`);
  return page;
}
