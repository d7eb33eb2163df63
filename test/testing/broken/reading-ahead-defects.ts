import type { PageEntry, PageQuery } from 'process-metadata-backfill';
import type { Defect } from './defect.js';
import type { Rules } from './rules.js';

/** Repositories that read the next page ahead, and take it for the answer to another query. */
export const readingAheadDefects: readonly Defect[] = [
  {
    title: 'a page that was read ahead is found whatever the ids',
    rules: () => readingAhead(({ instanceIds, ...query }) => query),
    breaks: ['readInstances: answers each'],
  },
  {
    title: 'a page that was read ahead is found whatever the paths',
    rules: () => readingAhead(({ paths, ...query }) => query),
    breaks: ['readInstances: answers each'],
  },
  {
    title: 'a page that was read ahead is found whatever the modes of its paths',
    rules: () => readingAhead(({ paths, ...query }) => ({ ...query, keys: paths.map(({ key }) => key) })),
    breaks: ['readInstances: answers each'],
  },
  {
    title: 'a page that was read ahead is found whatever the model',
    rules: () => readingAhead(({ processModelId, ...query }) => query),
    breaks: ['readInstances: answers each'],
  },
  {
    title: 'a page that was read ahead is found whatever the limit',
    rules: () => readingAhead(({ limit, ...query }) => query),
    breaks: ['readInstances: answers each'],
  },
];

function readingAhead(nameOf: (query: Omit<PageQuery, 'signal'>) => object): Pick<Rules, 'answerPage'> {
  const ahead = new Map<string, Promise<readonly PageEntry[]>>();
  const keyOf = ({ signal, ...query }: PageQuery) => JSON.stringify(nameOf(query));
  return {
    async answerPage(query, read) {
      const key = keyOf(query);
      const page = await (ahead.get(key) ?? read(query));
      ahead.delete(key);
      const last = page.at(-1);
      if (last !== undefined && page.length >= query.limit) {
        const next = { ...query, after: last.cursor };
        ahead.set(keyOf(next), read(next));
      }
      return page;
    },
  };
}
