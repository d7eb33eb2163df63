import type { Sql } from './sql.js';

/** Copies every metadata row, with its version, before the backfill. */
export async function rememberMetadata(sql: Sql): Promise<void> {
  await sql.query(
    'create table metadata_before as select *, xmin::text as version from process_instance_metadata',
  );
}

export interface Verdict {
  readonly isRight: boolean;
  readonly claim: string;
}

/** Compares what the backfill wrote with what PostgreSQL itself reads in the task data. */
export async function checkResult(sql: Sql, reportedUpdated: number): Promise<Verdict[]> {
  const [found] =
    await sql.query<Record<'expected' | 'wrong' | 'updated' | 'before' | 'touched', number>>(CHECK);
  if (found === undefined) throw new Error('The check found nothing.');
  const { expected, wrong, updated, before, touched } = found;
  return [
    {
      isRight: expected > 0 && wrong === 0,
      claim: `${expected} new metadata rows, ${wrong} of them other than SQL extracts them`,
    },
    {
      isRight: updated === reportedUpdated,
      claim: `${updated} instances with new rows, ${reportedUpdated} in the report of the run`,
    },
    {
      isRight: before > 0 && touched === 0,
      claim: `${before} rows from before, ${touched} of them touched`,
    },
  ];
}

// With `case`, because PostgreSQL may cast a broken document before a `where` excludes it.
const CHECK = `
  with newest as (
    select distinct on (t.process_instance_id) t.process_instance_id, d.data
    from task t join json_data d on d.hash = t.json_data_hash
    where t.state = 'COMPLETED'
    order by t.process_instance_id, t.end_in_seconds desc nulls last, t.guid
  ), extracted as (
    select process_instance_id, key, case when data is json then data::json #>> path end as value
    from newest cross join (values
      ('invoice_number', '{invoice,number}'::text[]),
      ('city', '{customer,address,city}'),
      ('first_article', '{lines,0,article}')
    ) as wanted (key, path)
  ), expected as (
    select process_instance_id, key, value from extracted where value is not null
  ), written as (
    select process_instance_id, key, value from process_instance_metadata where key <> 'customer_id'
  ), now as (
    select *, xmin::text as version from process_instance_metadata where key = 'customer_id'
  )
  select
    (select count(*)::int from expected) as expected,
    (select count(*)::int from ((table expected except table written) union all (table written except table expected)) d)
      as wrong,
    (select count(distinct process_instance_id)::int from written) as updated,
    (select count(*)::int from metadata_before) as before,
    (select count(*)::int from ((table metadata_before except table now) union all (table now except table metadata_before)) d)
      as touched`;
