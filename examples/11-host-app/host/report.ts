import type { Sql } from '../../2-embedded-postgres/sql.js';
import {
  BadCursor,
  type InstanceDetail,
  type InstancePort,
  type ReportFilter,
  type ReportQuery,
  type ReportRow,
} from '../operator/ports.js';

/**
 * The report of instances, with metadata as columns. Each statement reads one page, by an index. If the index does not answer all
 * that was asked, few of its entries may fit, so a page looks at 500 of them at most.
 */
export function createReport(sql: Sql): InstancePort {
  return {
    statuses: ['running', 'completed'],
    maxComparedLength: 200, // as `short_value` in schema.sql
    async page(query) {
      const ending = endStatement(query);
      const ends = ending === null ? [] : await sql.query<{ place: Place }>(ending.text, ending.values);
      const end = ends[0]?.place ?? null;
      const { text, values } = pageStatement(query);
      const rows = await sql.query<ReportRow & { readonly cursor: unknown }>(text, values);
      const shown = rows.slice(0, query.limit);
      const next = rows.length > shown.length ? shown.at(-1)?.cursor : end;
      return {
        rows: shown.map(({ cursor: _, ...row }) => row),
        next: next === null ? null : JSON.stringify(next),
      };
    },
    async find(processModelId, instanceId) {
      if (!isId(instanceId)) return null;
      const [found] = await sql.query<InstanceDetail>(
        `select ${ROW}, (${NEWEST}) as "taskData"
         from process_instance i where i.model_id = $1 and i.id = $2::int`,
        [processModelId, instanceId],
      );
      return found ?? null;
    },
  };
}

/** The most characters of task data that a page shows. */
const LONGEST = 20_000;

const NEWEST = `
  select left(t.data, ${LONGEST}) from task t where t.instance_id = i.id and t.state = 'COMPLETED'
  order by t.ended_at desc nulls last, t.id limit 1`;

const CELLS = `json_object_agg(m.key, json_build_object(
  'value', m.value, 'source', m.source, 'writtenAt', floor(extract(epoch from m.written_at) * 1000)))`;

const ROW = `
  i.id, i.status, i.status = 'running' as "isRunning",
  floor(extract(epoch from i.started_at) * 1000)::float8 as "startedAt",
  exists (select from task t where t.instance_id = i.id and t.state = 'COMPLETED') as "hasCompletedTask",
  coalesce((select ${CELLS} from instance_metadata m where m.instance_id = i.id), '{}'::json) as cells`;

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Where a page is in the order of a report: the id, and the value that it is sorted by. */
type Place = readonly [id: number, value?: unknown];

/** The most entries of an index that a page looks at, if the index does not answer all that was asked. */
const STRETCH = 500;

/** An index answers a status and a value by age. No index has a model and the value of a column. */
function isBounded({ filter, sort }: ReportQuery): boolean {
  return sort !== null || (filter !== null && filter.is !== 'equal');
}

/** The last of the entries that a page looks at. `null`: as many as it takes. */
function endStatement(query: ReportQuery): Statement | null {
  if (!isBounded(query)) return null;
  const { values, bind } = binder();
  const { order, place } = orderOf(query);
  const text = `select ${place} as place from (${walkOf(query, bind)}) w order by ${order} offset ${STRETCH - 1}`;
  return { text, values };
}

/** First the ids of the page, by one index, then what belongs to them. */
function pageStatement(query: ReportQuery): Statement {
  const { values, bind } = binder();
  const { order, place } = orderOf(query);
  const walk = walkOf(query, bind);
  const conditions = [
    'true',
    ...(query.sort === null ? [] : [lookedUp(instanceConditions(query, bind))]),
    ...(query.filter === null ? [] : [filterCondition(query.filter, bind)]),
  ];
  const text = `
    with walked as ${isBounded(query) ? 'materialized' : 'not materialized'} (${walk}),
    page as (
      select w.id, ${place} as cursor, row_number() over (order by ${order}) as place
      from walked w
      where ${conditions.join(' and ')} order by ${order} limit ${bind(query.limit + 1)}
    )
    select ${ROW}, page.cursor from page join process_instance i on i.id = page.id order by page.place`;
  return { text, values };
}

/** The entries of one index from the cursor on: of the instances by age, or of the values of a column in any model. */
function walkOf(query: ReportQuery, bind: Bind): string {
  const { sort, descending, after } = query;
  const [by, from] =
    sort === null ? ['i.id', 'process_instance i'] : ['s.short_value, s.instance_id', 'instance_metadata s'];
  const where =
    sort === null ? instanceConditions(query, bind) : [`s.key = ${bind(sort)}`, 's.short_value is not null'];
  if (after !== null) {
    const [id, value] = placeOf(after, sort !== null);
    const place = sort === null ? [] : [`${bind(JSON.stringify(value ?? null))}::jsonb`];
    where.push(`(${by}) ${descending ? '<' : '>'} (${[...place, `${bind(id)}::int`].join(', ')})`);
  }
  const direction = descending ? 'desc' : 'asc';
  const bound = `order by ${by.replace(',', ` ${direction},`)} ${direction} limit ${STRETCH}`;
  return `
    select ${sort === null ? 'i.id' : 's.instance_id as id, s.short_value as value'} from ${from}
    where ${where.join(' and ')} ${isBounded(query) ? bound : ''}`;
}

/** The order of a report, and a place in it, of the entries `w` of a walk. */
function orderOf({ sort, descending }: ReportQuery) {
  const direction = descending ? 'desc' : 'asc';
  return sort === null
    ? { order: `w.id ${direction}`, place: 'json_build_array(w.id)' }
    : { order: `w.value ${direction}, w.id ${direction}`, place: 'json_build_array(w.id, w.value)' };
}

function instanceConditions({ processModelId, status }: ReportQuery, bind: Bind): string[] {
  return [`i.model_id = ${bind(processModelId)}`, ...(status === null ? [] : [`i.status = ${bind(status)}`])];
}

/** A join might read all instances of the model or the status. This reads one per entry of the walk. */
function lookedUp(conditions: readonly string[]): string {
  return `(select ${conditions.join(' and ')} from process_instance i where i.id = w.id)`;
}

function filterCondition(filter: ReportFilter, bind: Bind): string {
  const row = `from instance_metadata f where f.instance_id = w.id and f.key = ${bind(filter.key)}`;
  if (filter.is === 'empty') return `(select f.value ${row}) is null`;
  if (filter.is === 'filled') return `(select f.value ${row}) is not null`;
  return `exists (select ${row} and f.short_value = any (${bind(candidates(filter.value))}::text[]::jsonb[]))`;
}

/** Adds a value to those of a statement. @returns how the statement names it. */
type Bind = (value: unknown) => string;

function binder(): { readonly values: readonly unknown[]; readonly bind: Bind } {
  const values: unknown[] = [];
  return { values, bind: (value) => `$${values.push(value)}` };
}

/** Characters that JSON can write, and PostgreSQL cannot store. */
const UNSTORABLE = /(?<!\\)(\\\\)*\\u(0000|d[89a-f])/i;

/** What a person may mean: the text, or the number, or true. */
function candidates(value: string): string[] {
  const isPlain = /^(-?(0|[1-9]\d*)(\.\d+)?|true|false)$/.test(value);
  return [JSON.stringify(value), ...(isPlain ? [value] : [])];
}

function placeOf(cursor: string, isSorted: boolean): Place {
  try {
    const [id, value] = JSON.parse(cursor) as [unknown, unknown];
    if (isId(String(id)) && (!isSorted || value !== undefined) && !UNSTORABLE.test(cursor))
      return [Number(id), value];
  } catch {
    // it is none
  }
  throw new BadCursor('This is no page of the report.');
}

function isId(text: string): boolean {
  return /^\d{1,9}$/.test(text);
}
