import type { KeyCounts, RunStatus } from '../../../src/index.js';
import { type FaultHost, PATHS } from './fault-host.js';

/** How a run over `createInstances` must end, as PostgreSQL itself reads it in the tables. */
export interface DueOutcome {
  readonly instances: Pick<RunStatus, 'total' | 'processed' | 'updated' | 'failed' | 'gone'>;
  readonly keys: Readonly<Record<string, KeyCounts>>;
  /** Metadata that are there and must not be, or the other way round; at most ten. */
  readonly wrongRows: readonly { readonly id: number; readonly key: string; readonly value: string }[];
}

export async function dueOutcome({ query }: Pick<FaultHost, 'query'>): Promise<DueOutcome> {
  const [instances] = await query<DueOutcome['instances']>(INSTANCES, PARAMETERS);
  if (instances === undefined) throw new Error('a count has no row');
  const keys = await query<KeyCounts & { readonly key: string }>(KEYS, PARAMETERS);
  return {
    instances,
    keys: Object.fromEntries(keys.map(({ key, ...counts }) => [key, counts])),
    wrongRows: await query(WRONG_ROWS, PARAMETERS),
  };
}

const PARAMETERS = [
  JSON.stringify(PATHS.map(({ key, path }) => ({ key, path: path.split(/[.[\]]+/).filter(Boolean) }))),
];

// One row an instance and key: what a run has to find there.
const FOUND = `
  with newest as (
    select i.id, t.data, coalesce(t.data like '{"broken%', false) as broken
    from process_instance i left join lateral (
      select d.data from task t join json_data d on d.hash = t.json_data_hash
      where t.process_instance_id = i.id and t.state = 'COMPLETED' order by t.end_in_seconds desc nulls last, t.guid limit 1
    ) t on true
  ), found as (
    select n.id, p.key, n.data::json #>> p.path as value, m.id is not null as kept,
      json_typeof(n.data::json #> p.path) as type
    from newest n cross join json_to_recordset($1) as p (key text, path text[])
    left join process_instance_metadata m on m.process_instance_id = n.id and m.key = p.key and m.value = 'from before'
    where not n.broken
  )`;

const INSTANCES = `${FOUND}
  select count(*)::int as total, count(*) filter (where broken)::int as failed,
    count(*) filter (where not broken)::int as processed, 0 as gone,
    (select count(distinct id)::int from found where value is not null and not kept) as updated
  from newest`;

const KEYS = `${FOUND}
  select key, count(*) filter (where kept)::int as kept,
    count(*) filter (where not kept and value is not null)::int as written,
    count(*) filter (where not kept and type = 'null')::int as null,
    count(*) filter (where not kept and type is null)::int as missing,
    (select count(*)::int from newest where broken) as failed,
    0 as replaced, 0 as orphaned, 0 as cleared, 0 as truncated
  from found group by key`;

const WRONG_ROWS = `${FOUND}, expected as (
    select id, key, value from found where value is not null and not kept
    union all select process_instance_id, key, 'from before' from process_instance_metadata where value = 'from before'
  ), stored as (select process_instance_id, key, value from process_instance_metadata)
  (table expected except table stored) union all (table stored except table expected) limit 10`;
