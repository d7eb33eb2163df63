import type { InstanceRange, InstanceSnapshot, PageQuery, TaskData } from 'process-metadata-backfill';
import type { Sql } from './sql.js';
import { projectedValues, wholeDocuments } from './task-data-column.js';

/** A page in one statement, so that no metadata row is newer than the task data. */
export async function readPage(
  sql: Sql,
  { limit, paths, ...range }: PageQuery<number>,
  column: 'json' | 'jsonb',
): Promise<InstanceSnapshot<number>[]> {
  const { select, parameters, parsers } =
    column === 'jsonb' ? projectedValues(paths, FIRST_FREE_PARAMETER) : wholeDocuments(paths);
  const keys = paths.map(({ key }) => key);
  const overwrites = paths.some(({ mode }) => mode === 'overwrite');
  const values = [...bounds(range), limit, keys, overwrites, ENDED, ...parameters];
  const rows = await sql.query<PageRow>(pageOf(select), values, parsers);
  const everyKey: InstanceSnapshot['stored'] = new Map(keys.map((key) => [key, SOME_VALUE]));
  const snapshots = rows.flatMap((row): InstanceSnapshot<number>[] =>
    row.id === null ? completeOnes(row, everyKey) : [snapshotOf(row)],
  );
  return snapshots.sort((a, b) => a.id - b.id);
}

/** Where a value is kept, it does not matter which. */
const SOME_VALUE = { value: '' };

type PageRow = InstanceRow | CompleteRow;

interface InstanceRow {
  readonly id: number;
  readonly running: boolean;
  /** JSON: the rows there are under the keys. */
  readonly stored: string | null;
  readonly hash: string | null;
  readonly data: TaskData | null;
}

/** One for all instances of which nothing has to be known: every key is to be filled and has a value. */
interface CompleteRow {
  readonly id: null;
  /** JSON: their ids. */
  readonly complete: string | null;
}

function completeOnes({ complete }: CompleteRow, stored: InstanceSnapshot['stored']) {
  if (complete === null) return [];
  return (JSON.parse(complete) as number[]).map((id) => ({ id, cursor: id, data: NO_DATA, stored }));
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

// First the ids, from the index alone, by a plan of their own. Then how many values each holds: a row is a value, as the
// key is unique and the column takes no null. Of those that lack one (of all, when overwriting) status, rows, newest task,
// and last the data. Each by subqueries, which cannot become joins, for which PostgreSQL would scan the other table where a
// page is large; `offset 0` keeps them apart. The rows come with the data, so that they are not newer; by its xmin a row
// is known to be still the one that was read.
const pageOf = (data: string) => `
  with chosen as materialized (
    select i.id from process_instance i where ${IN_RANGE} order by i.id limit $5
  ), counted as materialized (
    select m.process_instance_id as id, count(*) as rows from process_instance_metadata m
    where m.process_instance_id = any (array(table chosen)) and m.key = any ($6) group by m.process_instance_id
  ), known as materialized (
    select id, rows, $7 or rows is null or rows < cardinality($6::text[]) as needed
    from chosen left join counted using (id)
  )
  select null as id, json_agg(i.id)::varchar as complete, null as running, null as stored, null as hash, null as data
  from known i where not i.needed
  union all
  select i.id, null, i.running, i.stored, i.hash, (select ${data} from json_data d where d.hash = i.hash)
  from (
    select i.id, (select s.status from process_instance s where s.id = i.id) <> all ($8) as running, (
        select json_agg(json_build_array(m.key, m.value, m.xmin::text)) from process_instance_metadata m
        where i.rows > 0 and m.process_instance_id = i.id and m.key = any ($6)
      )::varchar as stored,
      ${NEWEST_HASH} as hash
    from known i where i.needed offset 0
  ) i`;
