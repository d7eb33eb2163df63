import type {
  InstanceRange,
  InstanceSnapshot,
  PageEntry,
  PageQuery,
  TaskData,
} from 'process-metadata-backfill';
import type { Sql } from './sql.js';
import { projectedValues, wholeDocuments } from './task-data-column.js';

/** Reads a page in one statement, so that no metadata row is newer than the task data. */
export async function readPage(
  sql: Sql,
  { limit, paths, ...range }: PageQuery<number>,
  column: 'json' | 'jsonb',
): Promise<PageEntry<number>[]> {
  const { select, parameters, parsers } =
    column === 'jsonb' ? projectedValues(paths, FIRST_FREE_PARAMETER) : wholeDocuments(paths);
  const keys = paths.map(({ key }) => key);
  const overwrites = paths.some(({ mode }) => mode === 'overwrite');
  const reach = overwrites
    ? limit
    : Math.max(5 * limit, leastReach(limit, { isFirst: range.after === null }));
  const values = [...bounds(range), limit, reach, keys, overwrites, ENDED, ...parameters];
  const rows = await sql.query<InstanceRow>(pageOf(select), values, parsers);
  return entriesOf(rows.sort((a, b) => a.place - b.place));
}

/**
 * The fewest instances that a page looks at. It skips many filled ones at once, so that they share the fixed cost of a page
 * and its commit. With limit 1, a later page looks
 * at 10,000: the next unfilled instance may be far away. With limit 100 or more, it looks at 5,000: for 10,000, PostgreSQL
 * would sort all remaining instances of a rare model.
 */
function leastReach(limit: number, { isFirst }: { readonly isFirst: boolean }): number {
  if (isFirst || (limit > 1 && limit < 100)) return 1000;
  return limit === 1 ? 10_000 : 5000;
}

interface InstanceRow {
  readonly id: number;
  /** Its number among the instances that were looked at, from 1. */
  readonly place: number;
  /** Whether the page shows it. If not, it is the last one that was looked at, and it is filled. */
  readonly shown: boolean;
  readonly running: boolean;
  /** JSON: its metadata rows under the keys of the page. */
  readonly stored: string | null;
  readonly hash: string | null;
  readonly data: TaskData | null;
}

function entriesOf(rows: readonly InstanceRow[]): PageEntry<number>[] {
  return rows.flatMap((row, index): PageEntry<number>[] => {
    const { id, shown, place } = row;
    const passed = place - (rows[index - 1]?.place ?? 0) - (shown ? 1 : 0);
    const filled = passed > 0 ? [{ cursor: shown ? id - 1 : id, filled: passed }] : [];
    return shown ? [...filled, snapshotOf(row)] : filled;
  });
}

function snapshotOf({ id, running, stored, hash, data }: InstanceRow): InstanceSnapshot<number> {
  return {
    id,
    cursor: id,
    data: hash === null ? NO_DATA : (data ?? { form: 'unreadable', reason: `there is no json_data ${hash}` }),
    stored: stored === null ? NO_ROWS : storedValues(stored),
    ...(running && { running, version: hash ?? '' }),
  };
}

const NO_DATA: TaskData = { form: 'none' };
const NO_ROWS: InstanceSnapshot['stored'] = new Map();

function storedValues(json: string): InstanceSnapshot['stored'] {
  const rows: readonly [key: string, value: string, token: string][] = JSON.parse(json);
  return new Map(rows.map(([key, value, token]) => [key, { value, token }]));
}

/** The parameters $1 to $4 of IN_RANGE. */
export function bounds({ processModelId, instanceIds, after, upTo }: InstanceRange<number>): unknown[] {
  return [processModelId, instanceIds, after, upTo];
}

export const IN_RANGE = `i.process_model_identifier = $1 and ($2::int[] is null or i.id = any ($2))
  and ($3::int is null or i.id > $3) and ($4::int is null or i.id <= $4)`;

/** The hash of the newest task data of instance `i`. Equal data have equal hashes, so it serves as the version. */
export const NEWEST_HASH = `(
  select t.json_data_hash from task t where t.process_instance_id = i.id and t.state = 'COMPLETED'
  order by t.end_in_seconds is null, t.end_in_seconds desc, t.guid limit 1)`;

const ENDED = ['complete', 'error', 'terminated'];
const FIRST_FREE_PARAMETER = 10;

/**
 * A limit that the planner does not know makes it expect a tenth of the rows. That is what the second limit here and the
 * one in pageOf are for. If the planner expected all rows, it would compile the page (`jit`), which can take as long as
 * reading it. And it would read and sort all remaining instances of a rare model.
 */
const WALK = `(
  select * from (select i.id from process_instance i where ${IN_RANGE} order by i.id limit $6) i
  order by id limit (select $6::bigint))`;

const ROW_COUNT = `(
  select count(*) from process_instance_metadata m where m.process_instance_id = i.id and m.key = any ($7))`;

const AFTER = 'coalesce($3::int, 0)';

/** Whether at least four in five of the next twenty ids belong to filled instances. */
const IS_MOSTLY_COMPLETE = `(
  select count(*) >= 16 from process_instance i
  where ${IN_RANGE} and i.id <= ${AFTER} + 20::bigint and ${ROW_COUNT} = cardinality($7::text[]))`;

/** The last id of the sweep. The sweep covers as many ids as the page looks at instances. */
const SWEPT = `least(${AFTER} + $6::bigint, $4::int)`;

// Each row holds a value, because the key is unique and the column is not null. If most instances are filled, the rows of
// many ids are read at once. That takes half as long as counting the rows of each instance, but does not tell how many
// rows an incomplete one has. Both ends are parameters: the planner then sees that these are few rows, and hashes them.
const ROWS = `
  case when i.id <= ${SWEPT} and ${IS_MOSTLY_COMPLETE} then case when i.id in (
    select m.process_instance_id from process_instance_metadata m
    where m.process_instance_id > ${AFTER} and m.process_instance_id <= ${SWEPT} and m.key = any ($7)
    group by m.process_instance_id having count(*) = cardinality($7::text[])
  ) then cardinality($7::text[]) end
  else ${ROW_COUNT} end`;

// First come the ids, from the indices alone, until enough of them lack a value (or until there are enough, when
// overwriting). The last id always belongs to them, because it shows how far the page has come. Then come their status,
// rows and newest task, and last the data. All are subqueries, kept apart by `offset 0`: PostgreSQL would turn them into
// joins otherwise, and scan the other table for a large page. The rows come with the data, so that they are not newer. The
// xmin tells whether a row is still the one that was read.
const pageOf = (data: string) => `
  with candidates as materialized (
    select i.*, ($8 or coalesce(rows, 0) < cardinality($7::text[])) as shown from (
      select i.id, row_number() over walk as place, lead(i.id) over walk is null as last, ${ROWS} as rows
      from ${WALK} i window walk as (order by i.id)
    ) i
    where case when $8 or last then 0 else coalesce(rows, 0) end < cardinality($7::text[])
    order by id limit (select $5::bigint)
  )
  select i.*, (select ${data} from json_data d where d.hash = i.hash) as data
  from (
    select i.id, i.place::int, i.shown, (select s.status from process_instance s where s.id = i.id) <> all ($9) as running, (
        select json_agg(json_build_array(m.key, m.value, m.xmin::text)) from process_instance_metadata m
        where i.rows is distinct from 0 and m.process_instance_id = i.id and m.key = any ($7)
      )::varchar as stored,
      case when i.shown then ${NEWEST_HASH} end as hash
    from candidates i offset 0
  ) i`;
