import type { IdType, PostgresConfiguration } from '../configuration.js';
import type { Tables } from '../tables/tables.js';
import { type Finding, warning } from './finding.js';

/**
 * Plans each piece of SQL about an instance, and warns if it scans a table for each instance.
 * @param found the findings of earlier checks.
 */
export async function checkScans<Transaction>(
  configuration: PostgresConfiguration<Transaction, IdType>,
  tables: Tables,
  found: readonly Finding[],
): Promise<readonly Finding[]> {
  const known = new Set(found.map(({ place }) => place));
  const selects = selectsOf(configuration, tables).filter(([place]) => !known.has(place));
  const i = nullsOf(`(select i.*, i.xmin from ${tables.instances.table} i)`, 'i');
  return configuration.database.transaction(async (connection) => {
    // A table that is still scanned then has no fitting index.
    await connection.query('set local enable_seqscan = off', []);
    const scans: Finding[] = [];
    for (const [place, select] of selects) {
      const text = `select piece.* from ${i} cross join lateral (${select} offset 0) piece`;
      const plan = await connection.query(`explain (verbose, format json) ${text}`, []);
      const names = await connection.query(WITHOUT_PARTITIONS, [JSON.stringify(scansIn(plan))]);
      scans.push(...(names as { readonly name: string }[]).map(({ name }) => scanOf(place, name)));
    }
    return scans;
  });
}

/** Each piece of SQL about an instance as a SELECT, with its place in the configuration. */
function selectsOf<Transaction>(
  { taskData, metadata }: PostgresConfiguration<Transaction, IdType>,
  { instances, documents, metadata: { stored } }: Tables,
): (readonly [place: string, select: string])[] {
  const { newest, document } = documents;
  const values = { insert: 'insert' in metadata ? metadata.insert : undefined, update: metadata.update };
  return [
    ['instances.id', `select from ${instances.table} own where own.${instances.id} = i.${instances.id}`],
    ['instances.where', `select ${instances.counts}`],
    ['instances.running', `select ${instances.running}`],
    ...(newest === null
      ? []
      : ([
          [
            'newest' in taskData ? 'taskData.newest' : 'taskData.instance',
            `select * from (${newest}) newest`,
          ],
          ['taskData.document', `select ${document} from ${nullsOf(`(${newest})`, 'newest')}`],
        ] as const)),
    ['metadata.instance', `select ${stored(`array['key']`)}`],
    ...Object.entries(values).flatMap(([name, columns]) =>
      Object.entries(columns ?? {}).map(
        ([column, sql]) => [`metadata.${name}.${column}`, `select (${sql}\n)`] as const,
      ),
    ),
  ];
}

/** SQL: a row of nulls in place of these rows. So the plan does not show how these rows are found. */
function nullsOf(rows: string, alias: string): string {
  return `(select ${alias}.* from (select) one left join ${rows} ${alias} on false offset 0) ${alias}`;
}

function scanOf(place: string, table: string): Finding {
  return warning(
    place,
    `its SQL scans table ${table} once for each instance`,
    `Create an index on the columns that this SQL filters ${table} by. If there is such an index, run: analyze ${table}`,
  );
}

/** What a plan reads without a condition on an index. */
function scansIn(plan: unknown): { readonly schema: unknown; readonly name: unknown }[] {
  if (typeof plan === 'string') return scansIn(parsed(plan));
  if (typeof plan !== 'object' || plan === null) return [];
  const node = plan as Readonly<Record<string, unknown>>;
  const isScan = /^(Seq|Index|Index Only) Scan$/.test(String(node['Node Type']));
  const { Schema: schema, 'Relation Name': name, 'Index Cond': condition } = node;
  const own = isScan && condition === undefined ? [{ schema, name }] : [];
  return [...own, ...Object.values(node).flatMap(scansIn)];
}

/** Some drivers return a plan as an object, and some as text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * The names of tables, in place of those of their partitions, and with the schema only where it is needed. Tables that had at
 * most ten rows when they were analyzed are left out. An index on them saves nothing.
 */
const WITHOUT_PARTITIONS = `
  select distinct coalesce(pg_partition_root(c.oid), c.oid)::regclass::varchar as name
  from json_to_recordset($1::text::json) scan (schema text, name text)
  join pg_namespace n on n.nspname = scan.schema
  join pg_class c on c.relnamespace = n.oid and c.relname = scan.name
  where c.reltuples not between 0 and 10
  order by name`;
