import { MODEL, pathsOf } from '../scenario.js';
import type { Candidate } from './candidate.js';

/** All of it in the database, in one transaction: no checkpoint, no progress, no guard but the unique key. */
export const singleStatement: Candidate = {
  name: 'one INSERT … SELECT',
  most: Number.POSITIVE_INFINITY,
  open: async ({ sql }, scenario) => ({
    async run(instances) {
      const keys = pathsOf(scenario).map(({ key, path }) => ({ key, path: segmentsOf(String(path)) }));
      await sql.query(INSERT_SELECT, [MODEL, JSON.stringify(keys), instances]);
    },
  }),
};

export function segmentsOf(path: string): string[] {
  return path.split(/[.[\]]+/).filter((segment) => segment !== '');
}

const INSERT_SELECT = `
  insert into process_instance_metadata (process_instance_id, key, value, created_at_in_seconds, updated_at_in_seconds)
  select id, key, left(value, 255), now, now from (
    select i.id, k.key, d.data #>> k.path as value, extract(epoch from now())::int as now
    from process_instance i
    cross join lateral (
      select t.json_data_hash from task t where t.process_instance_id = i.id and t.state = 'COMPLETED'
      order by t.end_in_seconds desc nulls last, t.guid limit 1
    ) t
    join json_data d on d.hash = t.json_data_hash
    cross join json_to_recordset($2) as k (key text, path text[])
    where i.process_model_identifier = $1 and i.id <= $3
  ) extracted where value is not null
  on conflict (process_instance_id, key) do nothing`;
