import type { PostgresConnection } from '../database.js';
import { quoteName } from '../sql/quote-name.js';

/** What the catalog of PostgreSQL says about a table. */
export interface TableFacts {
  /** As it was asked for. */
  readonly name: string;
  /** 'r': a table. 'p': a partitioned table. Anything else can be neither locked nor written as rows. */
  readonly kind: string;
  readonly columns: readonly ColumnFacts[];
  readonly indexes: readonly IndexFacts[];
  readonly may: Readonly<Record<Privilege, boolean>>;
  readonly comment: string | null;
  /** Whether policies hide rows from this role (row-level security). */
  readonly hasPolicies: boolean;
}

export type Privilege = 'select' | 'insert' | 'update' | 'delete';

export interface ColumnFacts {
  readonly name: string;
  /** For a domain, its base type. */
  readonly type: string;
  readonly isNotNull: boolean;
  readonly hasDefault: boolean;
  /** Whether its default is a random UUID. */
  readonly isRandom: boolean;
  /** Whether the role may use the sequence of its default, if there is one. */
  readonly mayUseSequence: boolean;
  /** The most characters. `null`: no limit. */
  readonly length: number | null;
}

export interface IndexFacts {
  /** In order. `null`: an expression. */
  readonly columns: readonly (string | null)[];
  readonly collations: readonly (string | null)[];
  readonly isUnique: boolean;
  readonly isPartial: boolean;
  /** Whether it holds after each statement. A unique key may hold only at the end of a transaction. */
  readonly isImmediate: boolean;
}

/** @returns `null` when this connection sees no such table. */
export async function readTableFacts(
  connection: PostgresConnection,
  name: string,
): Promise<TableFacts | null> {
  const [row] = (await connection.query(FACTS, [quoteName(name)])) as { readonly facts: string }[];
  return row === undefined ? null : { name, ...(JSON.parse(row.facts) as Omit<TableFacts, 'name'>) };
}

// An empty list is null in the aggregate.
const FACTS = `
  select json_build_object(
    'kind', c.relkind,
    'comment', obj_description(c.oid, 'pg_class'), 'hasPolicies', row_security_active(c.oid),
    'columns', coalesce((
      select json_agg(json_build_object(
        'name', a.attname, 'type', format_type(coalesce(nullif(t.typbasetype, 0), t.oid), null),
        'isNotNull', a.attnotnull or t.typnotnull,
        'hasDefault', a.atthasdef or a.attidentity <> '' or t.typdefault is not null,
        'isRandom', coalesce((
          select pg_get_expr(d.adbin, d.adrelid) ~ '(gen_random_uuid|uuid_generate_v4)\\('
          from pg_attrdef d where d.adrelid = c.oid and d.adnum = a.attnum), false),
        'mayUseSequence', coalesce(
          has_sequence_privilege(pg_get_serial_sequence(format('%s', c.oid::regclass), a.attname), 'usage'), true),
        'length', case when a.atttypid in ('varchar'::regtype, 'bpchar'::regtype) and a.atttypmod > 4 then a.atttypmod - 4 end
      ) order by a.attnum)
      from pg_attribute a join pg_type t on t.oid = a.atttypid
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped), '[]'),
    'indexes', coalesce((
      select json_agg(json_build_object(
        'isUnique', x.indisunique, 'isPartial', x.indpred is not null, 'isImmediate', x.indimmediate,
        'columns', (
          select json_agg(a.attname order by k.place)
          from unnest(x.indkey::int[]) with ordinality k (number, place)
          left join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number and k.number > 0
          where k.place <= x.indnkeyatts),
        'collations', (
          select json_agg(l.collname order by k.place)
          from unnest(x.indcollation::oid[]) with ordinality k (number, place)
          left join pg_collation l on l.oid = k.number)))
      from pg_index x join pg_class xc on xc.oid = x.indexrelid join pg_am am on am.oid = xc.relam
      where x.indrelid = c.oid and x.indisvalid and am.amname = 'btree'), '[]'),
    'may', json_build_object(
      'select', has_table_privilege(c.oid, 'select'), 'insert', has_table_privilege(c.oid, 'insert'),
      'update', has_any_column_privilege(c.oid, 'update'), 'delete', has_table_privilege(c.oid, 'delete'))
  )::text as facts
  from pg_class c where c.oid = to_regclass($1::text)`;
