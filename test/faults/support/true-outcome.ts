import { expect } from 'vitest';
import { type KeyCounts, type RunStatus, runBackfill } from '../../../src/index.js';
import { MODEL } from '../../support/instances.js';
import { createInstances, type FaultHost, openFaultHost, PATHS } from './fault-host.js';

/** What a run leaves behind: what it says of itself, and what there is. */
export interface Outcome {
  readonly counts: Pick<RunStatus, 'total' | 'processed' | 'updated' | 'failed' | 'gone' | 'keys'>;
  readonly metadata: readonly { readonly id: number; readonly key: string; readonly value: string }[];
}

/** That a run over `createInstances` ended as PostgreSQL itself says it must, each value written exactly once. */
export async function expectTrueOutcome(host: FaultHost, status: RunStatus): Promise<void> {
  expect(status.state).toBe('completed_with_failures');
  expect(status.processed + status.failed + status.gone).toBe(status.total);
  const [instances] = await host.query(INSTANCES, PARAMETERS);
  expect(status).toMatchObject(instances ?? {});

  const keys = await host.query<KeyCounts & { readonly key: string }>(KEYS, PARAMETERS);
  expect(keys).toHaveLength(PATHS.length);
  for (const { key, ...counts } of keys) expect({ key, ...status.keys[key] }).toEqual({ key, ...counts });

  expect(await host.query(WRONG_ROWS, PARAMETERS)).toEqual([]);
  const written = Object.values(status.keys).reduce((sum, counts) => sum + counts.written, 0);
  expect(await host.query(WRITES)).toEqual([{ writes: written, rows: written, inserts: written }]);
}

export async function outcomeOf(host: FaultHost, status: RunStatus): Promise<Outcome> {
  const { total, processed, updated, failed, gone, keys } = status;
  const metadata = await host.query<Outcome['metadata'][number]>(
    'select process_instance_id as id, key, value from process_instance_metadata order by 1, 2',
  );
  return { counts: { total, processed, updated, failed, gone, keys }, metadata };
}

/** The same data, and nothing happens. */
export async function uninterruptedOutcome(count: number): Promise<Outcome> {
  const host = await openFaultHost();
  try {
    await createInstances(host, count);
    const report = await runBackfill({ repository: host.repository, processModelId: MODEL, paths: PATHS });
    return await outcomeOf(host, { ...report, state: 'completed' } as RunStatus & typeof report);
  } finally {
    await host.close();
  }
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
    count(*) filter (where not kept and type is null)::int as missing, 0 as truncated
  from found group by key`;

const WRONG_ROWS = `${FOUND}, expected as (
    select id, key, value from found where value is not null and not kept
    union all select process_instance_id, key, 'from before' from process_instance_metadata where value = 'from before'
  ), stored as (select process_instance_id, key, value from process_instance_metadata)
  (table expected except table stored) union all (table stored except table expected)`;

const WRITES = `
  select count(*)::int as writes, count(distinct (process_instance_id, key))::int as rows,
    count(*) filter (where operation = 'INSERT')::int as inserts from written_row`;
