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
  return (await sql.query<PageRow>(pageOf(select), values, parsers)).map(snapshotOf);
}

interface PageRow {
  readonly id: number;
  readonly running: boolean;
  /** JSON: the rows there are under the keys. */
  readonly stored: string | null;
  /** Whether the task data has anything to say that is not known already. */
  readonly needed: boolean;
  readonly hash: string | null;
  readonly data: TaskData | null;
}

function snapshotOf(row: PageRow): InstanceSnapshot<number> {
  const { id, running, hash } = row;
  return {
    id,
    cursor: id,
    data: taskDataOf(row),
    stored: row.stored === null ? NO_ROWS : storedValues(row.stored),
    ...(running && { running, version: hash ?? '' }),
  };
}

function taskDataOf({ needed, hash, data }: PageRow): TaskData {
  if (hash === null || !needed) return { form: 'none' };
  return data ?? { form: 'unreadable', reason: `there is no json_data ${hash}` };
}

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

// From the inside out: the ids, out of the index alone and by a plan of their own; then of each its status and rows; its
// newest task, where that is needed; the data. All by subqueries, which cannot become joins, for which PostgreSQL would
// scan the other table where a page is large; `offset 0` keeps them apart. The rows come with the data, so that they are
// not newer; by its xmin a row is known to be still the one that was read.
const pageOf = (data: string) => `
  with chosen as materialized (
    select i.id from process_instance i where ${IN_RANGE} order by i.id limit $5
  )
  select i.id, i.running, i.stored::varchar, i.needed, i.hash,
    (select ${data} from json_data d where i.needed and d.hash = i.hash) as data
  from (
    select i.*, case when i.needed or i.running then ${NEWEST_HASH} end as hash
    from (
      select i.*, $7 or i.stored is null or json_array_length(i.stored) < cardinality($6::text[]) as needed
      from (
        select i.id, (select s.status from process_instance s where s.id = i.id) <> all ($8) as running, (
          select json_agg(json_build_array(m.key, m.value, m.xmin::text))
          from process_instance_metadata m where m.process_instance_id = i.id and m.key = any ($6)
        ) as stored
        from (select id from chosen order by id) i offset 0
      ) i offset 0
    ) i offset 0
  ) i
  order by i.id`;
