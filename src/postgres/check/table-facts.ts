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
  /** The columns that it is partitioned by. `null`: an expression. Empty: it is not partitioned. */
  readonly partitionedBy: readonly (string | null)[];
  /** The triggers that may drop or change a row before it is written. */
  readonly rowTriggers: readonly TriggerFacts[];
  /** The names of its rules, other than that of a view. */
  readonly rules: readonly string[];
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
  /** The schema and name of its collation, quoted. `null`: the default of the database, or its type has none. */
  readonly collation: string | null;
  /** Whether texts are equal only if all their bytes are. */
  readonly isDeterministic: boolean;
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
  /** Written like the collations of columns: with the schema. Null is the default collation. */
  readonly collations: readonly (string | null)[];
  readonly isUnique: boolean;
  readonly isPartial: boolean;
  /** Whether it holds after each statement. A unique key may hold only at the end of a transaction. */
  readonly isImmediate: boolean;
}

export interface TriggerFacts {
  readonly name: string;
  readonly isForUpdate: boolean;
  /** The columns whose update fires it. Empty: any. */
  readonly columns: readonly string[];
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
        'name', a.attname, 'type', format_type(base.type, null),
        'collation', (
          select format('%I.%I', l.collnamespace::regnamespace, l.collname)
          from pg_collation l where l.oid = a.attcollation and l.collname <> 'default'),
        'isDeterministic', coalesce((select l.collisdeterministic from pg_collation l where l.oid = a.attcollation), true),
        'isNotNull', a.attnotnull or base.is_not_null,
        'hasDefault', a.atthasdef or a.attidentity <> '' or t.typdefault is not null,
        'isRandom', coalesce((
          select pg_get_expr(d.adbin, d.adrelid) ~ '(gen_random_uuid|uuid_generate_v4)[(]'
          from pg_attrdef d where d.adrelid = c.oid and d.adnum = a.attnum), false),
        'mayUseSequence', coalesce(
          has_sequence_privilege(pg_get_serial_sequence(format('%s', c.oid::regclass), a.attname), 'usage'), true),
        'length', case when base.type in ('varchar'::regtype, 'bpchar'::regtype) and base.modifier > 4 then base.modifier - 4 end
      ) order by a.attnum)
      from pg_attribute a join pg_type t on t.oid = a.atttypid
      cross join lateral (
        with recursive layer (type, modifier, depth) as (
          select a.atttypid, a.atttypmod, 0
          union all
          select d.typbasetype, d.typtypmod, depth + 1
          from layer join pg_type d on d.oid = layer.type where d.typtype = 'd')
        select (array_agg(layer.type order by depth desc))[1] as type,
          (array_agg(layer.modifier order by depth desc))[1] as modifier, bool_or(l.typnotnull) as is_not_null
        from layer join pg_type l on l.oid = layer.type
      ) base
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
          select json_agg(case when l.collname <> 'default' then format('%I.%I', l.collnamespace::regnamespace, l.collname) end order by k.place)
          from unnest(x.indcollation::oid[]) with ordinality k (number, place)
          left join pg_collation l on l.oid = k.number)))
      from pg_index x join pg_class xc on xc.oid = x.indexrelid join pg_am am on am.oid = xc.relam
      where x.indrelid = c.oid and x.indisvalid and am.amname = 'btree'), '[]'),
    'partitionedBy', coalesce((
      select json_agg(a.attname order by k.place)
      from pg_partitioned_table p cross join unnest(p.partattrs::int[]) with ordinality k (number, place)
      left join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number and k.number > 0
      where p.partrelid = c.oid), '[]'),
    'rowTriggers', coalesce((
      select json_agg(json_build_object(
        'name', g.tgname, 'isForUpdate', g.tgtype & 16 <> 0,
        'columns', coalesce((
          select json_agg(a.attname) from pg_attribute a
          where a.attrelid = c.oid and a.attnum = any (g.tgattr::int[])), '[]')) order by g.tgname)
      from pg_trigger g
      where g.tgrelid = c.oid and not g.tgisinternal and g.tgenabled not in ('D', 'R')
        and g.tgtype & 3 = 3 -- before, for each row
        and g.tgtype & 28 <> 0 -- insert, delete or update
      ), '[]'),
    'rules', coalesce((
      select json_agg(r.rulename order by r.rulename) from pg_rewrite r
      where r.ev_class = c.oid and r.ev_type <> '1' and r.ev_enabled not in ('D', 'R')), '[]'),
    'may', json_build_object(
      'select', has_table_privilege(c.oid, 'select'), 'insert', has_table_privilege(c.oid, 'insert'),
      'update', has_any_column_privilege(c.oid, 'update'), 'delete', has_table_privilege(c.oid, 'delete'))
  )::text as facts
  from pg_class c where c.oid = to_regclass($1::text)`;
