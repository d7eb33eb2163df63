import type { Cursor, InstanceId, InstanceSurvey, SplitQuery, SurveyQuery } from '../ports/repository.js';
import type { PostgresConnection } from './database.js';
import { parameters } from './sql/parameters.js';
import { cursorOf, type Instances } from './tables/instances.js';

/** Counts instances, and finds the cursor of the last one. */
export async function surveyInstances(
  connection: PostgresConnection,
  instances: Instances,
  { limit, ...range }: SurveyQuery,
): Promise<InstanceSurvey> {
  const bound = parameters();
  const inRange = instances.inRange({ ...range, upTo: null }, bound);
  const { table, cursor, order, reverseOrder, cursorOrder, isByNumber } = instances;
  const selected = `select ${cursor} from ${table} i where ${inRange}`;
  // Without a limit, the order of the counted ones does not matter, and PostgreSQL may choose one.
  const last =
    limit === null
      ? `(select count(*)::int as total from ${table} i where ${inRange}) counted
         left join lateral (${selected} order by ${reverseOrder} limit 1) last on total > 0`
      : `(${lastOf(`${selected} order by ${order} limit ${bound.add(limit, 'bigint')}`)}) last`;
  const text = `select total, ${instances.cursorResults('last')} from ${last}`;
  const [row] = (await connection.query(text, bound.values)) as SurveyRow[];
  if (row?.id === undefined || row.id === null) return { total: 0, upTo: null };
  // A null sorts last, so it is found here.
  if (row.created === null)
    throw new Error(
      `Instance ${row.id} has no time of creation, by which instances are walked. Set it, or let \`where\` leave such instances out.`,
    );
  return { total: row.total, upTo: cursorOf(row.id, row.created) };

  /** SQL: how many these are, and the last cursor of them. Not every type of id has a `max`. */
  function lastOf(limited: string): string {
    if (isByNumber) return `select count(*)::int as total, max(id) as id from (${limited}) counted`;
    return `select *, (row_number() over (order by ${cursorOrder}))::int as total from (${limited}) counted order by total desc limit 1`;
  }
}

/** The cursors at which a range falls into parts with about the same number of instances. */
export async function splitInstances(
  connection: PostgresConnection,
  instances: Instances,
  { total, parts, ...range }: SplitQuery,
): Promise<readonly Cursor[]> {
  const bound = parameters();
  const { table, cursor, cursorOrder } = instances;
  const size = bound.add(Math.ceil(total / parts), 'bigint');
  const text = `
    select ${instances.cursorResults('i')} from (
      select *, row_number() over walk as place, lead(id) over walk is null as last
      from (select ${cursor} from ${table} i where ${instances.inRange(range, bound)}) i
      window walk as (order by ${cursorOrder})
    ) i where place % ${size} = 0 and not last order by place limit ${bound.add(parts - 1, 'bigint')}`;
  const rows = (await connection.query(text, bound.values)) as CursorRow[];
  return rows.map(({ id, created }) => cursorOf(id, created));
}

interface CursorRow {
  readonly id: InstanceId;
  readonly created?: string | null;
}

interface SurveyRow extends Partial<CursorRow> {
  readonly total: number;
}
