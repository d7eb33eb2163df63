import type { PageEntry, PageQuery } from '../ports/repository.js';
import type { PostgresConnection } from './database.js';
import { entriesOf, type InstanceRow } from './page-entries.js';
import { type Parameters, parameters } from './sql/parameters.js';
import { type Projection, projectionOf } from './tables/projection.js';
import type { Tables } from './tables/tables.js';

/** Reads a page in one statement, so that no metadata row is newer than the task data. */
export async function readPage(
  connection: PostgresConnection,
  tables: Tables,
  { limit, paths, ...range }: PageQuery,
): Promise<PageEntry[]> {
  const bound = parameters();
  const keys = bound.addList(
    paths.map(({ key }) => key),
    'text',
  );
  const isFill = paths.every(({ mode }) => mode === 'fill');
  const candidates = isFill
    ? unfilled(tables, range, { limit, keys, keyCount: paths.length }, bound)
    : inOrder(tables, range, limit, bound);
  const projection = projectionOf(tables.documents, paths, bound);
  const hasPrevious = isFill && !tables.instances.isByNumber;
  const text = tables.metadataSize.sentAs(detailsOf(tables, { candidates, hasPrevious }, keys, projection));
  const rows = (await connection.query(text, bound.values, projection.read)) as InstanceRow[];
  if (rows[0] !== undefined) tables.metadataSize.note(rows[0].small);
  return entriesOf(
    rows.toSorted((a, b) => a.place - b.place),
    tables,
    projection,
  );
}

type Range = Omit<PageQuery, 'limit' | 'paths'>;

/** Each instance of the page is shown. */
function inOrder(tables: Tables, range: Range, limit: number, bound: Parameters): string {
  const { cursorOrder } = tables.instances;
  return `
    select i.*, row_number() over (order by ${cursorOrder}) as place, true as shown, null::bigint as filled
    from ${walk(tables, range, limit, bound)} i`;
}

/**
 * Only instances that lack a value, from the indices alone, until there are enough of them. The last one looked at
 * is always included, because it shows how far the page has come.
 */
function unfilled(
  tables: Tables,
  range: Range,
  { limit, keys, keyCount }: { readonly limit: number; readonly keys: string; readonly keyCount: number },
  bound: Parameters,
): string {
  const reach = Math.max(5 * limit, leastReach(limit, { isFirst: range.after === null }));
  const { isByNumber, cursorNames, cursorOrder } = tables.instances;
  const previous = isByNumber
    ? ''
    : cursorNames.map((name) => `lag(i.${name}) over walk as prior${name},`).join(' ');
  return `
    select i.*, coalesce(filled, 0) < ${keyCount} as shown from (
      select i.*, row_number() over walk as place, lead(i.id) over walk is null as last, ${previous}
        ${tables.metadata.filledKeys({ keys, keyCount, range, reach }, bound)} as filled
      from ${walk(tables, range, reach, bound)} i window walk as (order by ${cursorOrder})
    ) i
    where last or coalesce(filled, 0) < ${keyCount}
    order by ${cursorOrder} limit (select ${bound.add(limit, 'bigint')})`; // in the order of the window, so that it ends early
}

/**
 * The fewest instances that a page looks at. It skips many filled ones at once, so that they share the fixed cost of a page
 * and its commit. With limit 1, a later page looks at 10,000: the next unfilled instance may be far away. With limit 100 or
 * more, it looks at 5,000: for 10,000, PostgreSQL would sort all remaining instances of a rare model.
 */
function leastReach(limit: number, { isFirst }: { readonly isFirst: boolean }): number {
  if (isFirst || (limit > 1 && limit < 100)) return 1000;
  return limit === 1 ? 10_000 : 5000;
}

/**
 * The first `limit` instances of the range, in order. It is limited twice. The planner knows the first limit, which is rounded up.
 * The second one is exact. The planner does not know it, and expects a tenth of the rows. If it expected all of them, it would compile the page (`jit`), which can take as long as reading it. And it
 * would read and sort all remaining instances of a rare model.
 */
function walk({ instances }: Tables, range: Range, limit: number, bound: Parameters): string {
  const { table, cursor, order, cursorOrder } = instances;
  return `(
    select * from (
      select ${cursor} from ${table} i where ${instances.inRange(range, bound)} order by ${order} limit ${roundedUp(limit)}
    ) i order by ${cursorOrder} limit (select ${bound.add(limit, 'bigint')}))`;
}

/** Pages of many sizes so have few texts, which can be prepared. A large page would be compiled if it looked still larger. */
function roundedUp(limit: number): number {
  return limit <= 4096 ? 2 ** Math.ceil(Math.log2(limit)) : 5000 * Math.ceil(limit / 5000);
}

// First come the ids. Then come their status, rows and newest task, and last the data. All are subqueries, kept apart by
// `offset 0`: PostgreSQL would turn them into joins otherwise, and scan the other table for a large page. The rows come with
// the data, so that they are not newer.
function detailsOf(
  { instances, documents, metadata, metadataSize }: Tables,
  { candidates, hasPrevious }: { readonly candidates: string; readonly hasPrevious: boolean },
  keys: string,
  { select }: Projection,
): string {
  const { newest, document } = documents;
  const { running, table, id } = instances;
  const cursors = [
    instances.cursorResults('page'),
    ...(hasPrevious ? [instances.cursorResults('page', 'prior')] : []),
  ];
  // Only running ones are compared.
  const version =
    newest === null && running !== null
      ? `case when ${running} then ${documents.version} else '' end`
      : documents.version;
  const source =
    newest === null
      ? `where page.shown and ${document} is not null and ${NO_CACHE}`
      : `from (${newest}) newest where page.shown and ${NO_CACHE}`;
  return `
    with backfill_page as materialized (${candidates})
    select ${cursors}, page.place::int, page.shown, ${running ?? 'false'} as running, ${metadataSize.isSmall} as small,
      (case when page.filled is distinct from 0 then ${metadata.stored(keys)} end)::varchar as stored, data.*
    from backfill_page page
    cross join lateral (select *, i.xmin, null::point as "no cache" from ${table} i where i.${id} = page.id offset 0) i
    left join lateral (select (${version})::varchar as version, ${select} as data ${source} offset 0) data on true`;
}

/**
 * Always true, but PostgreSQL does not know. It cannot hash a point. Otherwise it would copy each document into a cache (`memoize`)
 * and never read it there.
 */
const NO_CACHE = 'i."no cache" is null';
