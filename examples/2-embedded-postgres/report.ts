import type { TableRow } from './format-table.js';
import type { Sql } from './sql.js';

const KEYS = ['customer_id', 'invoice_number', 'city', 'first_article'] as const;

type Row = Record<'id' | 'status' | (typeof KEYS)[number], string | null>;

/** The process-instance report: metadata keys as columns, some of the rows, and how many cells are filled. */
export async function readReport(sql: Sql, notes: ReadonlyMap<number, string>): Promise<TableRow[]> {
  const rows = await sql.query<Row>(REPORT, [[...notes.keys()]]);
  return [
    { cells: ['id', 'status', ...KEYS] },
    ...rows.map((row) => ({
      cells: [row.id ?? '', row.status ?? '', ...KEYS.map((key) => row[key] ?? '–')],
      note: notes.get(Number(row.id)) || undefined,
    })),
  ];
}

// Every key is a constant from above. Nothing in this SQL comes from data.
const REPORT = `
  with report as (
    select i.id, i.status, ${KEYS.map((key) => `max(m.value) filter (where m.key = '${key}') as ${key}`).join(', ')}
    from process_instance i left join process_instance_metadata m on m.process_instance_id = i.id
    group by i.id
  ), shown as (
    select id as place, id::text, status, ${KEYS.join(', ')} from report where id = any ($1)
    union all
    select null, null, 'of ' || count(*) || ' have', ${KEYS.map((key) => `count(${key})::text`).join(', ')} from report
  )
  select id, status, ${KEYS.join(', ')} from shown order by place nulls last`;
