import type {
  InstanceRange,
  InstanceSnapshot,
  PageEntry,
  PageQuery,
  TaskData,
} from 'process-metadata-backfill';
import type { Sql } from './sql.js';
import { projectedValues, wholeDocuments } from './task-data-column.js';

/** A page in one statement, so that no metadata row is newer than the task data. */
export async function readPage(
  sql: Sql,
  { limit, paths, ...range }: PageQuery<number>,
  column: 'json' | 'jsonb',
): Promise<PageEntry<number>[]> {
  const { select, parameters, parsers } =
    column === 'jsonb' ? projectedValues(paths, FIRST_FREE_PARAMETER) : wholeDocuments(paths);
  const keys = paths.map(({ key }) => key);
  const overwrites = paths.some(({ mode }) => mode === 'overwrite');
  const values = [...bounds(range), limit, keys, overwrites, ENDED, ...parameters];
  const rows = await sql.query<InstanceRow | EndRow>(pageOf(select), values, parsers);
  return entriesOf(rows.sort((a, b) => a.place - b.place));
}

interface InstanceRow {
  readonly id: number;
  /** Counted from 1 among the instances that were looked at. */
  readonly place: number;
  /** The instance before it. */
  readonly previous: number;
  readonly running: boolean;
  /** JSON: the rows there are under the keys. */
  readonly stored: string | null;
  readonly hash: string | null;
  readonly data: TaskData | null;
}

/** Behind all that were looked at, if the limit did not end the page before. */
interface EndRow extends Pick<InstanceRow, 'place' | 'previous'> {
  readonly id: null;
}

function entriesOf(rows: readonly (InstanceRow | EndRow)[]): PageEntry<number>[] {
  let last = 0;
  return rows.flatMap((row): PageEntry<number>[] => {
    const complete = row.place - last - 1;
    const passed = complete > 0 ? [{ cursor: row.previous, complete }] : [];
    if (row.id === null) return passed;
    last = row.place;
    return [...passed, snapshotOf(row)];
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

/** Of the instance `i`. Equal data have equal hashes: the hash serves as the version of the data. */
export const NEWEST_HASH = `(
  select t.json_data_hash from task t where t.process_instance_id = i.id and t.state = 'COMPLETED'
  order by t.end_in_seconds is null, t.end_in_seconds desc, t.guid limit 1)`;

const ENDED = ['complete', 'error', 'terminated'];
const FIRST_FREE_PARAMETER = 9;

/**
 * How many instances a page looks at for those that are not complete. Where so many are most of what is left of a model that is
 * rare, PostgreSQL reads all of them and sorts, or walks the whole table: more is not better.
 */
const REACH = 500;

const LOOKED_AT = `
  select i.id from process_instance i where ${IN_RANGE} order by i.id limit greatest($5, ${REACH})`;

// First the ids, from the index alone, one after another until there are enough that lack a value; a row is a value, as the
// key is unique and the column takes no null. Of those that lack one (of all, when overwriting) status, rows, newest task,
// and last the data. Each by subqueries, which cannot become joins, for which PostgreSQL would scan the other table where a
// page is large; `offset 0` keeps them apart. The rows come with the data, so that they are not newer; by its xmin a row
// is known to be still the one that was read.
const pageOf = (data: string) => `
  with incomplete as materialized (
    select id, rows, place, previous
    from (
      select i.id, row_number() over walk as place, lag(i.id) over walk as previous, (
          select count(*) from process_instance_metadata m where m.process_instance_id = i.id and m.key = any ($6)
        ) as rows
      from (${LOOKED_AT}) i window walk as (order by i.id)
    ) i
    where $7 or rows < cardinality($6::text[]) order by id limit $5
  )
  select i.id, i.place::int, i.previous, i.running, i.stored, i.hash,
    (select ${data} from json_data d where d.hash = i.hash) as data
  from (
    select i.*, (select s.status from process_instance s where s.id = i.id) <> all ($8) as running, (
        select json_agg(json_build_array(m.key, m.value, m.xmin::text)) from process_instance_metadata m
        where i.rows > 0 and m.process_instance_id = i.id and m.key = any ($6)
      )::varchar as stored,
      ${NEWEST_HASH} as hash
    from incomplete i offset 0
  ) i
  union all
  select null, count(*)::int + 1, max(i.id), null, null, null, null
  from (${LOOKED_AT}) i where (select count(*) from incomplete) < $5`;
