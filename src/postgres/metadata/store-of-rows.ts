import { formatMetadataValue } from '../../extraction/format-metadata-value.js';
import type { JsonValue } from '../../extraction/json-value.js';
import type { MetadataRows } from '../configuration.js';
import { type Parameters, parameters } from '../sql/parameters.js';
import { quoteIdentifier, quoteName } from '../sql/quote-name.js';
import { type Instances, resultOf } from '../tables/instances.js';
import type { FillPage, MetadataStore, Written } from './metadata-store.js';

/** Metadata as rows of a table. Its unique key is the guard of each insert, and the xmin tells a row from a later one. */
export function storeOfRows(configuration: MetadataRows, instances: Instances): MetadataStore {
  const {
    type = 'text',
    nullable = true,
    maxLength,
    style = 'json',
    insert = {},
    update = {},
  } = configuration;
  const table = quoteName(configuration.table, 'metadata.table');
  const [instance, key, value] = [
    quoteIdentifier(configuration.instance),
    quoteIdentifier(configuration.key ?? 'key'),
    quoteIdentifier(configuration.value ?? 'value'),
  ];
  const format = { style, ...(maxLength !== undefined && { maxLength }) };
  const { id, idType } = instances;
  const columns = [instance, key, value, ...Object.keys(insert).map((name) => quoteIdentifier(name))].join(
    ', ',
  );
  const further = Object.values(insert).map((sql) => aboutInstance(sql, 'w.backfill_id'));
  const inserted = ['w.backfill_id', 'w.backfill_key', `w.backfill_value::${type}`, ...further].join(', ');
  const assignments = Object.entries(update)
    .map(([column, sql]) => `, ${quoteIdentifier(column)} = ${aboutInstance(sql, `m.${instance}`)}`)
    .join('');
  const isNull = type === 'text' ? `m.${value} is null` : `(m.${value} is null or m.${value}::text = 'null')`;
  const hasValue = nullable ? ` and not ${isNull}` : '';
  const result = `m.${instance} as id, m.${key} as key`;

  /** SQL of the host, which may read the instance `i` of the row. */
  function aboutInstance(sql: string, of: string): string {
    return /\bi\b/i.test(sql)
      ? `(select ${sql}\n from ${instances.table} i where i.${id} = ${of})`
      : `(${sql}\n)`;
  }

  /** SQL: how many of the keys have a value, for the instance whose id is `of`. */
  const countOf = (of: string, keys: string): string => `(
    select count(*) from ${table} m where m.${instance} = ${of} and m.${key} = any (${keys})${hasValue})`;

  /** SQL: a row `w` for each value. Its columns have names that SQL of the host cannot mean, such as `w.backfill_id`. */
  function rowsOf(
    values: readonly Value[],
    columns: readonly ('id' | 'key' | 'value' | 'token')[],
    bound: Parameters,
  ): string {
    const lists = {
      id: () =>
        bound.addList(
          values.map((one) => one.id),
          idType,
        ),
      key: () =>
        bound.addList(
          values.map((one) => one.key),
          'text',
        ),
      value: () =>
        bound.addList(
          values.map((one) => textOf(one.value, type)),
          'text',
        ),
      token: () =>
        bound.addList(
          values.map((one) => one.replaces?.token ?? null),
          'text',
        ),
    };
    return `unnest(${columns.map((column) => lists[column]()).join(', ')}) as w (${columns.map((column) => `backfill_${column}`).join(', ')})`;
  }

  return {
    lock: 'for share',
    storesNull: nullable,
    storesAnyText: type === 'json',
    maxKeyLength: configuration.maxKeyLength,
    formatValue: type === 'text' ? (given) => formatMetadataValue(given, format) : undefined,

    filledKeys(page, bound) {
      const each = countOf('i.id', page.keys);
      return instances.isByNumber ? sweep(page, each, bound) : each;
    },

    stored: (keys) => `(
      select json_agg(json_build_array(m.${key}, m.${value}, m.xmin::text))
      from unnest(${keys}) k (key) join ${table} m on m.${key} = k.key where m.${instance} = i.${id})`,

    undisturbed({ inserts, replacements, deletes }, bound) {
      const conditions: string[] = [];
      const parts: string[] = [];
      const read = [...replacements, ...deletes];
      if (read.length > 0)
        conditions.push(`(
          select count(*) from (
            select from ${table} m, ${rowsOf(read, ['id', 'key', 'token'], bound)}
            where m.${instance} = w.backfill_id and m.${key} = w.backfill_key and m.xmin::text = w.backfill_token
            order by m.${instance}, m.${key} for update of m
          ) m) = ${bound.add(read.length, 'bigint')}`);
      if (inserts.length > 0)
        parts.push(`backfill_inserted as (
          insert into ${table} (${columns}) select ${inserted} from ${rowsOf(inserts, ['id', 'key', 'value'], bound)}
          where exists (select from backfill_stored))`);
      if (replacements.length > 0)
        parts.push(`backfill_replaced as (
          update ${table} m set ${value} = w.backfill_value::${type}${assignments} from ${rowsOf(replacements, ['id', 'key', 'value', 'token'], bound)}
          where m.${instance} = w.backfill_id and m.${key} = w.backfill_key and exists (select from backfill_stored))`);
      if (deletes.length > 0)
        parts.push(`backfill_deleted as (
          delete from ${table} m using ${rowsOf(deletes, ['id', 'key', 'token'], bound)}
          where m.${instance} = w.backfill_id and m.${key} = w.backfill_key and exists (select from backfill_stored))`);
      return { isFree: 'true', conditions, parts };
    },

    async writeGuarded(connection, { inserts, replacements, deletes }) {
      const bound = parameters();
      const text = `
        with backfill_inserted as (
          insert into ${table} as m (${columns}) select ${inserted} from ${rowsOf(inserts, ['id', 'key', 'value'], bound)}
          on conflict (${instance}, ${key}) do ${
            nullable
              ? `update set ${value} = excluded.${value}${assignments}
            where ${isNull} and excluded.${value} is not null`
              : 'nothing'
          }
          returning ${result}
        ), backfill_replaced as (
          update ${table} m set ${value} = w.backfill_value::${type}${assignments} from ${rowsOf(replacements, ['id', 'key', 'value', 'token'], bound)}
          where m.${instance} = w.backfill_id and m.${key} = w.backfill_key and m.xmin::text = w.backfill_token returning ${result}
        ), backfill_deleted as (
          delete from ${table} m using ${rowsOf(deletes, ['id', 'key', 'token'], bound)}
          where m.${instance} = w.backfill_id and m.${key} = w.backfill_key and m.xmin::text = w.backfill_token returning ${result}
        )
        select ${resultOf('id', idType)} as id, key::varchar as key
        from (table backfill_inserted union all table backfill_replaced union all table backfill_deleted) written`;
      return (await connection.query(text, bound.values)) as readonly Written[];
    },
  };

  /**
   * If most instances are filled, the rows of many ids are read at once. That takes half as long as counting the rows of each
   * instance, but does not tell how many rows an incomplete one has. Both ends are parameters or sums of them, and no subqueries: so
   * the planner expects few rows, and hashes them.
   */
  function sweep({ keys, keyCount, range, reach }: FillPage, each: string, bound: Parameters): string {
    const from = bound.add(typeof range.after === 'object' ? 0 : range.after, idType);
    const end = `least(${sum(from, bound.add(reach, 'bigint'))}, ${bound.add(String(range.upTo), idType)})`;
    // Whether at least four in five of the next twenty ids belong to filled instances.
    const isMostlyFilled = `(
      select count(*) >= 16 from ${instances.table} i
      where ${instances.inRange(range, bound)} and i.${id} <= ${sum(from, '20::bigint')} and ${countOf(`i.${id}`, keys)} = ${keyCount})`;
    return `
      case when i.id <= ${end} and ${isMostlyFilled} then case when i.id in (
        select m.${instance} from ${table} m
        where m.${instance} > ${from} and m.${instance} <= ${end} and m.${key} = any (${keys})${hasValue}
        group by m.${instance} having count(*) = ${keyCount}
      ) then ${keyCount} end
      else ${each} end`;
  }
}

/** SQL of a sum, or of the largest bigint if the sum is larger. */
function sum(id: string, distance: string): string {
  return `least(${id}, 9223372036854775807 - ${distance}) + ${distance}`;
}

interface Value extends Written {
  readonly value?: JsonValue;
  readonly replaces?: { readonly token?: string };
}

/** The stored form of a value as text. For a text column, the library has already formatted it. */
function textOf(value: JsonValue | undefined, type: 'text' | 'json' | 'jsonb'): string | null {
  if (value === undefined || value === null) return null;
  return type === 'text' ? String(value) : JSON.stringify(value);
}
