import type { ReportFilter, ReportQuery } from '../ports.js';

/** What the address of the report says. What the model or the host does not know is left out (see `unknownIn`). */
export interface ReportAddress
  extends Pick<ReportQuery, 'status' | 'filter' | 'sort' | 'descending' | 'after'> {}

export function readAddress(
  search: URLSearchParams,
  keys: readonly string[],
  statuses: readonly string[],
): ReportAddress {
  const status = search.get('status');
  const sort = search.get('sort');
  const isSorted = sort !== null && keys.includes(sort);
  return {
    status: status !== null && statuses.includes(status) ? status : null,
    filter: filterIn(search, keys),
    sort: isSorted ? sort : null,
    descending: search.has('order') ? search.get('order') === 'down' : !isSorted,
    after: search.get('after'),
  };
}

/** Sentences about what an address asks for in vain, such as a bookmark to a column that was removed. */
export function unknownIn(
  search: URLSearchParams,
  keys: readonly string[],
  statuses: readonly string[],
): readonly string[] {
  const asked = new Set([search.get('key'), search.get('sort')]);
  const columns = [...asked].filter((key) => key !== null && key !== '' && !keys.includes(key));
  const status = search.get('status') ?? '';
  return [
    ...columns.map(
      (key) => `This model has no column ${key}, so it does not filter or sort these instances.`,
    ),
    ...(status === '' || statuses.includes(status)
      ? []
      : [`There is no status ${status}, so it does not filter these instances.`]),
  ];
}

function filterIn(search: URLSearchParams, keys: readonly string[]): ReportFilter | null {
  const key = search.get('key');
  const is = search.get('is');
  if (key === null || !keys.includes(key)) return null;
  if (is === 'empty') return { key, is };
  if (is === 'filled') return { key, is };
  return is === 'equal' ? { key, is, value: search.get('value') ?? '' } : null;
}

/** The query of another view of the same report, from its first page on unless `after` is given. */
export function queryOf(
  { status, filter, sort, descending }: ReportAddress,
  change: { readonly sort?: string | null; readonly descending?: boolean; readonly after?: string } = {},
): string {
  const search = new URLSearchParams();
  const by = change.sort === undefined ? sort : change.sort;
  if (status !== null) search.set('status', status);
  if (filter !== null) {
    search.set('key', filter.key);
    search.set('is', filter.is);
    if (filter.is === 'equal') search.set('value', filter.value);
  }
  if (by !== null) search.set('sort', by);
  search.set('order', (change.descending ?? descending) ? 'down' : 'up');
  if (change.after !== undefined) search.set('after', change.after);
  return `?${search}`;
}
