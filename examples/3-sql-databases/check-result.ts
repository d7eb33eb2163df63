import { type RawBuilder, sql } from 'kysely';
import { BEFORE } from './demo-instances.js';
import type { Database } from './repository/tables.js';

/**
 * Compares what the backfill wrote with what the database itself reads in the task data, and prints the verdicts.
 * @returns whether all is well.
 */
export async function checkResult(
  database: Database,
  databaseName: string,
  expectation: { readonly rowsBefore: number; readonly updated: number },
): Promise<boolean> {
  const valueAt = (path: string) => valueIn(databaseName, path);
  const { rows } = await sql<Record<string, unknown>>`
    with newest as (
      select t.process_instance_id as id, d.data, row_number() over (
        partition by t.process_instance_id order by t.end_in_seconds is null, t.end_in_seconds desc, t.guid
      ) as place
      from task t join json_data d on d.hash = t.json_data_hash where t.state = 'COMPLETED'
    ), extracted as (
      select id, 'invoice_number' as name, ${valueAt('invoice.number')} as value from newest where place = 1
      union all
      select id, 'city', ${valueAt('customer.address.city')} from newest where place = 1
      union all
      select id, 'first_article', ${valueAt('lines.0.article')} from newest where place = 1
    ), earlier as (
      select process_instance_id as id, m.key as name, updated_at_in_seconds as updated_at
      from process_instance_metadata m where created_at_in_seconds = ${BEFORE}
    ), written as (
      select process_instance_id as id, m.key as name, value
      from process_instance_metadata m where created_at_in_seconds <> ${BEFORE}
    ), expected as (
      select extracted.* from extracted
      left join earlier on earlier.id = extracted.id and earlier.name = extracted.name
      where value is not null and earlier.id is null
    )
    select
      (select count(*) from expected) as expected,
      (select count(*) from written) as written,
      (select count(*) from expected e join written w on w.id = e.id and w.name = e.name and w.value = e.value) as alike,
      (select count(distinct id) from written) as updated,
      (select count(*) from earlier where updated_at = ${BEFORE}) as untouched`.execute(database);
  const count = (name: string) => Number(rows[0]?.[name]);
  const wrong = count('expected') + count('written') - 2 * count('alike');
  const verdicts: [isRight: boolean, claim: string][] = [
    [
      count('expected') > 0 && wrong === 0,
      `${count('written')} new metadata rows, ${wrong} missing or other than in SQL`,
    ],
    [
      count('updated') === expectation.updated,
      `${count('updated')} instances with new rows, ${expectation.updated} in the report`,
    ],
    [
      count('untouched') === expectation.rowsBefore,
      `${expectation.rowsBefore} rows from before, ${count('untouched')} of them untouched`,
    ],
  ];
  for (const [isRight, claim] of verdicts) console.log(`  ${isRight ? '✓' : '✗'} ${claim}`);
  return verdicts.every(([isRight]) => isRight);
}

function valueIn(databaseName: string, path: string): RawBuilder<string | null> {
  const jsonPath = `$.${path}`.replace(/\.(\d+)/g, '[$1]');
  switch (databaseName) {
    case 'sqlite':
      return sql`data ->> ${jsonPath}`;
    case 'mariadb':
      return sql`json_value(data, ${jsonPath})`;
    default:
      return sql`data #>> ${path.split('.')}`;
  }
}
